/** What the live table refuses: each fault has a code, and leaves the table as it was. */
class TableFault extends Error {
  readonly code: 'table-full'

  constructor(code: TableFault['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The buffer may not grow further, or the system gives no more memory. */
export class TableFull extends TableFault {
  constructor(bytes: number) {
    super('table-full', `the table can't grow to ${bytes} bytes`)
  }
}
