import { z } from 'zod'
import { VERSION } from '../../shared/version.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import { SCHEMAS, type SchemaName } from './schemas.ts'

const MEANINGS: Readonly<Record<number, string>> = {
  200: 'Done',
  201: 'Registered',
  204: 'Deleted',
  400: 'Something in the request is wrong',
  401: 'The key is missing or wrong',
  403: 'Not for where you come from, or the operator has suspended the tunnel',
  404: 'There is no such thing',
  409: 'Something stands against it',
  413: 'The body is too large',
  415: 'The body is of another type',
  421: 'Sent to another host name than that of the service',
  422: 'The Idempotency-Key came with another body before',
  429: 'Too many; Retry-After says when to come again',
  500: 'A fault of the server; it is in its log',
  503: 'The server can’t now; try again',
  507: 'The server’s disk is full: nothing was changed',
}
/** Whatever is asked for. */
const EVERYWHERE: readonly number[] = [421, 500]

/** The API as an OpenAPI 3.1 document, made from the schemas and the table of operations. */
export function openApiDocument(publicUrl: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationObject(operation) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'freenet6',
      version: VERSION,
      summary: 'An IPv6 tunnel broker with its own nameserver',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(SCHEMAS).map(([name, schema]) => [name, jsonSchema(name, schema)]),
      ),
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'The tunnel’s key (RFC 6750 2.1)' },
      },
    },
  }
}

/** OpenAPI 3.1 takes JSON Schema 2020-12 as it is. A request may hold what a form would let through to the checks. */
function jsonSchema(name: string, schema: z.ZodType): object {
  const io = name === 'Registration' || name === 'Change' ? 'input' : 'output'
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io })
  return rest
}

function operationObject(operation: Operation): object {
  const { id, summary, access, takes, parameters = [], refusals } = operation
  const path = operation.path.includes('{id}') ? [ID_PARAMETER] : []
  return {
    operationId: id,
    summary,
    security: security(access),
    ...(path.length + parameters.length === 0
      ? {}
      : { parameters: [...path, ...parameters.map(parameterObject)] }),
    ...(takes === undefined ? {} : { requestBody: { required: true, content: jsonOf(takes) } }),
    responses: {
      [operation.status]: { description: MEANINGS[operation.status], ...replyContent(operation) },
      ...Object.fromEntries([...refusals, ...EVERYWHERE].map(status => [status, refusal(status)])),
      ...(id === 'health' ? { 503: { description: MEANINGS[503], content: jsonOf('Health') } } : {}),
    },
  }
}

const ID_PARAMETER = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }

function security(access: Operation['access']): readonly object[] {
  switch (access) {
    case 'open':
      return []
    case 'key':
      return [{ key: [] }]
    case 'key or open':
      return [{}, { key: [] }]
    default:
      return access satisfies never
  }
}

function parameterObject({
  name,
  in: place,
  about,
  values,
}: NonNullable<Operation['parameters']>[number]): object {
  return {
    name,
    in: place,
    description: about,
    schema: { type: 'string', ...(values === undefined ? {} : { enum: values }) },
  }
}

function replyContent({ gives }: Operation): { readonly content?: object } {
  switch (gives.kind) {
    case 'json':
      return { content: jsonOf(gives.schema) }
    case 'text':
      return { content: { [gives.type]: { schema: { type: 'string' } } } }
    case 'nothing':
      return {}
    default:
      return gives satisfies never
  }
}

function refusal(status: number): object {
  const schema = { $ref: '#/components/schemas/Problem' }
  return { description: MEANINGS[status], content: { 'application/problem+json': { schema } } }
}

function jsonOf(schema: SchemaName): object {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } }
}
