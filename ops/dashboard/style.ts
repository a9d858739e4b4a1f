/** Light and dark, one column on a phone; tables scroll inside their own box. */
export const style = `
:root{color-scheme:light dark;--ink:#1d2126;--soft:#5b6570;--line:#d9dee3;--paper:#fff;--ground:#f4f6f8;--good:#0b7a55;--bad:#b3261e;--warn:#8a5a00}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a3adb7;--line:#333b43;--paper:#1b2026;--ground:#12161a;--good:#4cc79a;--bad:#ff8a80;--warn:#f0b74a}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header,main{max-width:1180px;margin:0 auto;padding:16px}
header p{margin:4px 0 12px;color:var(--soft)}
h1{font-size:1.5rem;margin:0}h1 span{color:var(--soft);font-weight:400}
h2{font-size:1.15rem;margin:32px 0 12px}h3{font-size:1rem;margin:0}
nav{display:flex;flex-wrap:wrap;gap:4px 16px}nav a{color:inherit}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px}
.tile{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:12px;display:flex;flex-direction:column}
.tile span,.tile small{color:var(--soft);font-size:.85rem}.tile strong{font-size:1.5rem;line-height:1.3}
.tile.good strong{color:var(--good)}.tile.bad strong{color:var(--bad)}
.grid{display:grid;grid-template-columns:1fr;gap:12px}
@media (min-width:1000px){#arms .grid,#labels .grid,#capture .grid,#health .grid,#exposure .grid,#alerts .grid{grid-template-columns:1fr 1fr}}
figure,.alert{margin:0;background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:14px;min-width:0}
figcaption p{margin:2px 0 10px;color:var(--soft);font-size:.9rem}
svg{max-width:100%;height:auto;overflow:visible}
.wide{display:none}.narrow{display:block}
@media (min-width:560px){.wide{display:block}.narrow{display:none}}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;list-style:none;margin:0 0 6px;padding:0;font-size:.85rem}
.legend span{display:inline-block;width:12px;height:12px;border-radius:2px;margin-right:6px;vertical-align:-1px}
.none{color:var(--soft);margin:0}
.alert{border-left:4px solid var(--warn)}.alert.page{border-left-color:var(--bad)}
.alert p{margin:4px 0 0;font-size:.92rem;overflow-wrap:anywhere}.detail{color:var(--soft)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600}.number{text-align:right;font-variant-numeric:tabular-nums}
tr:last-child td{border-bottom:0}
.bar{display:inline-block;width:72px;height:8px;background:var(--line);border-radius:4px;margin-right:8px;vertical-align:1px;overflow:hidden}
.bar span{display:block;height:100%;background:#0072b2}
.pill{border-radius:10px;padding:1px 8px;font-size:.8rem;border:1px solid currentColor}.pill.good{color:var(--good)}.pill.bad{color:var(--bad)}
@media (max-width:559px){table{font-size:.82rem}th{white-space:normal;vertical-align:bottom}th,td{padding-right:8px}.bar{width:40px}figure{padding:12px}}
@media print{nav{display:none}body{background:#fff}}
`;
