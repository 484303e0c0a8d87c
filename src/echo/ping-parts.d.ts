/** The parts of the `ping` package that its own types leave out. */
declare module 'ping/lib/builder/factory.js' {
  import type { PingConfig } from 'ping'

  const factory: {
    createBuilder(platform: string): { getCommandArguments(target: string, config: PingConfig): string[] }
    getExecutablePath(platform: string, v6: boolean): string
  }
  export default factory
}

declare module 'ping/lib/parser/factory.js' {
  import type { PingConfig, PingResponse } from 'ping'

  const factory: {
    createParser(
      target: string,
      platform: string,
      config: PingConfig,
    ): { eat(line: string): unknown; getResult(): Pick<PingResponse, 'alive' | 'time'> }
  }
  export default factory
}
