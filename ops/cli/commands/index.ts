import type { Register } from '../command.ts';

/** In the order in which `--help` lists them: the way of the data, then what one runs beside it. */
export const commands: Register[] = [];
