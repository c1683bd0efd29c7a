// The keys of a run, which the harness makes.
export const secret = process.env.BENCH_SECRET
export const ed25519 = process.env.BENCH_ED25519
export const rsa = process.env.BENCH_RSA
/** So many secrets, the last of which is that of the run. */
export const secrets = (count) => Array.from({ length: count }, (_, i) => i === count - 1 ? secret : `${secret} ${i}`)
