#!/usr/bin/env node
// The command `fastify-token-auth`: see lib/cli.ts.
import { run } from '../dist/cli.js'

process.exitCode = run(process.argv.slice(2))
