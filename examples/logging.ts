// A log that people read: one line per answer, errors in full, pages and their parts only at level debug.
import { LogController, type FastifyReply, type FastifyRequest } from 'fastify'

/** What the demo writes on a terminal. */
export const terminal = {
  transport: { target: 'pino-pretty', options: { singleLine: true, ignore: 'pid,hostname,reqId', translateTime: 'HH:MM:ss' } }
}

/** One line per request, when its answer is out. */
export class OneLinePerRequest extends LogController {
  override incomingRequest (): void {}

  override requestCompleted (error: Error | null, request: FastifyRequest, reply: FastifyReply): void {
    const isCall = /^\/(api|auth)\//.test(request.url)
    const level = error ? 'error' : isCall ? 'info' : 'debug'
    request.log[level](`${request.method} ${request.url} ${reply.statusCode} in ${reply.elapsedTime.toFixed(1)} ms`)
  }

  override defaultErrorLog (error: Error, request: FastifyRequest, reply: FastifyReply): void {
    if (reply.statusCode >= 500) request.log.error(error)
  }
}
