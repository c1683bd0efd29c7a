// Fortunes for the guarded route: what a cookie would say if a script could read it.

const FORTUNES = [
  'A stranger will ask for your token. You will have rotated it by then.',
  'What is short-lived is seldom missed.',
  'You will be asked who you are, and you will know the answer.',
  'A door that closes by itself needs no guard at night.',
  'Two tabs will race. Both will arrive.',
  'Trust the clock that cannot be set.',
  'An old key turns up in a new pocket. Change the lock.',
  'The cookie you cannot read is the one worth keeping.',
  'Someone forgets your name in thirty seconds. Tell them again.',
  'An answer is lost on the way. Ask again; nobody will mind.'
]

let drawn = Math.floor(Math.random() * FORTUNES.length)

/** The next fortune; none comes twice in a row. */
export function drawFortune (): string {
  drawn = (drawn + 1) % FORTUNES.length
  return FORTUNES[drawn] as string
}
