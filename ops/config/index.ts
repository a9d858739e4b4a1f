export { loadConfig, projectRoot, type Config } from './config.ts';
export { sitePackages } from './site-packages.ts';
export { removeWarehouse } from './warehouse.ts';
