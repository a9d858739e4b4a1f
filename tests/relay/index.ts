/** Doubles of the servers that capture talks to. Each says in its name that it is none of them. */
export * from './relay-double.ts';
export * from './plc-double.ts';
export * from './jetstream-double.ts';
export * from './spooled.ts';
export * from './tampered.ts';
export * from './synthetic.ts';
export * from './signed-repository.ts';
