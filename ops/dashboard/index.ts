/** The study's health as one page without a server, made from the observation's Parquet. */
export { maskArms, readDashboard, type DashboardData, type ReadDashboardOptions } from './data.ts';
export { dashboardPage, escapeHtml } from './page.ts';
export { writeDashboard, type DashboardFile } from './write.ts';
