/** Octets that count how often they are looked at: the work on a message, whatever the machine is doing besides. */
export class CountedOctets {
  reads = 0
  readonly octets: Uint8Array

  constructor(octets: Uint8Array) {
    this.octets = new Proxy(octets, { get: (target, key) => this.#get(target, key) })
  }

  #get(target: Uint8Array, key: string | symbol): unknown {
    const value: unknown = Reflect.get(target, key)
    if (typeof value !== 'function') {
      if (key !== 'length') this.reads++
      return value
    }
    // What a method does with the octets is out of sight here: it counts as a look at each.
    return (...args: readonly unknown[]) => {
      this.reads += target.length
      return Reflect.apply(value, target, args)
    }
  }
}
