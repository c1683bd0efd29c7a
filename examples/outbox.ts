// The way out for mail: an app puts its mail service behind this interface, the examples print, the tests look inside.

/** A mail of plain text. */
export interface Mail { to: string, subject: string, text: string }

/** Sends mails. */
export interface Outbox {
  send (mail: Mail): Promise<void> | void
}

/** Prints what it would send. */
export const consoleOutbox: Outbox = {
  send ({ to, subject, text }) {
    console.log(`\n  To: ${to}\n  Subject: ${subject}\n\n  ${text.replaceAll('\n', '\n  ')}\n`)
  }
}
