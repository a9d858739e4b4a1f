/** Seeded contents for every table of the lake: what models, ranking and benchmarks are tried on. */
export { generateLake, type GenerateOptions, type GeneratedLake } from './generate.ts';
export { generateScale, type ScaleLake, type ScaleOptions } from './scale.ts';
