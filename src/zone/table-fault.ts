/** What the live table refuses: each fault has a code, and leaves the table as it was. */
class TableFault extends Error {
  readonly code: 'table-full' | 'commit-under-way' | 'too-many-snapshots' | 'snapshot-expired'

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

/** One version is built at a time: publish or abandon the prepared commit first. */
export class CommitUnderWay extends TableFault {
  constructor() {
    super('commit-under-way', 'a prepared commit is neither published nor abandoned')
  }
}

/** As many versions are held as may be: release one first. */
export class TooManySnapshots extends TableFault {
  constructor(held: number) {
    super('too-many-snapshots', `${held} snapshots are held already`)
  }
}

/** The version is not held any more: its holder has released it, or it grew too old. */
export class SnapshotExpired extends TableFault {
  constructor() {
    super('snapshot-expired', 'the snapshot is released')
  }
}
