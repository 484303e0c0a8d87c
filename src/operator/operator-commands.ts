import type { Broker } from '../broker.ts'
import type { ControlHandler } from './control.ts'

/** The operator's commands, as they come over the control socket or from a command that found no running process. */
export function operatorHandler(broker: Pick<Broker, 'operator' | 'audit'>): ControlHandler {
  const { operator, audit } = broker
  return async (command, parameters) => {
    const {
      reference = '',
      ipv4 = '',
      nicname = '',
      country = '',
      os = '',
      after = '',
      limit = '500',
    } = parameters
    switch (command) {
      case 'list':
        return operator.list(after, Number(limit))
      case 'broken':
        return operator.broken()
      case 'show':
        return operator.show(reference)
      case 'add':
        return operator.add({ ipv4, nicname, country, os })
      case 'delete':
        return operator.delete(reference)
      case 'audit':
        return { kind: 'done', value: await audit.run() }
      default:
        throw new RangeError(`there is no command ${command}`)
    }
  }
}
