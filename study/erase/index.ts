export { erase, searchAccount, type EraseOptions, type EraseStep } from './erase.ts';
export { readErased, type ErasedFromGeneration } from './generation.ts';
export { checkReceipt, parseReceipt, type Receipt } from './receipt.ts';
export { listErasures, openErasures } from './store.ts';
