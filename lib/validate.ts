// What the host writes and what clients send, checked against TypeBox schemas. A refusal of an option names what is wrong and the cure.
import type { FastifySchemaCompiler } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { Check, Convert, Default, Errors } from 'typebox/value'
import { toMilliseconds } from './duration.ts'

// Each description completes the sentence "<option> must be …", so it is the cure that a refusal names.
export const Flag = Type.Boolean({ description: 'true or false' })
export const Name = Type.String({ minLength: 1, description: 'a string that is not empty' })
export const DurationSchema = Type.Refine(
  Type.Union([Type.String(), Type.Number()], { description: "a duration above zero with its unit, such as '15m', or a number of seconds" }),
  (value) => toMilliseconds(value) !== undefined)
export const Func = (signature: string) => Type.Refine(Type.Unsafe<() => void>({ description: `a function ${signature}` }), (value) => typeof value === 'function')

/** For an object that has no other properties than these. */
export const strictly = { additionalProperties: false, description: 'an object' }

/** A schema, as far as a refusal reads it. */
interface Described { description?: string, properties?: Record<string, object>, items?: object }

/** The sentence that names what a value has wrong first, and the cure that its schema describes; `undefined` if it is as it should be. @param whole what the value as a whole is called */
export function problemOf (value: unknown, root: TSchema, whole: string): string | undefined {
  const [problem] = Errors(root, value)
  if (problem === undefined) return undefined
  const { keyword, instancePath, params } = problem
  const path = instancePath.split('/').slice(1)
  if (keyword === 'required') path.push(params.requiredProperties[0] as string)

  let schema: Described = root
  const name: string[] = []
  for (const step of path) {
    const { properties, items } = schema
    name.push(step)
    if (properties !== undefined && !Object.hasOwn(properties, step)) return `${name.join('.')} is not an option; there are ${Object.keys(properties).join(', ')}`
    schema = properties?.[step] ?? items as object
  }
  return `${name.join('.') || whole} must be ${schema.description}`
}

/** Validates requests to the plugin's routes. Fastify's own compiler would take some 50 ms of CPU at the start. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => (given: unknown) => {
  // a query is text and nothing else; JSON has types of its own, and a password must not be made of a number
  const value = Default(schema, httpPart === 'body' ? given : Convert(schema, given))
  return Check(schema, value) ? { value } : { error: Errors(schema, value) }
}
