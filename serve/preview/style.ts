/** Plain, one column on a phone and two on a wide screen; follows the system's light or dark. */
export const style = `
:root { color-scheme: light dark; --line: #d4dbe2; --soft: #5c6b7a; --back: #fff; --page: #f3f5f7; --mark: #0a66c2; }
@media (prefers-color-scheme: dark) { :root { --line: #2e3a46; --soft: #9aa9b8; --back: #161e27; --page: #0e141b; --mark: #6cb2ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); font: 16px/1.4 system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; }
header, main { max-width: 76rem; margin: 0 auto; padding: 0.75rem; }
h1 { font-size: 1.25rem; margin: 0 0 0.25rem; }
h2 { font-size: 1.05rem; border-radius: 0.75rem 0.75rem 0 0; margin: 0; padding: 0.6rem 0.8rem; border-bottom: 1px solid var(--line); position: sticky; top: 0; background: var(--back); z-index: 1; }
p { margin: 0.25rem 0; }
.soft { color: var(--soft); font-size: 0.875rem; font-weight: 400; }
form { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.75rem 0 0; align-items: end; }
label { display: grid; gap: 0.15rem; font-size: 0.875rem; color: var(--soft); min-width: 0; flex: 1 1 12rem; }
select, button { font: inherit; padding: 0.45rem 0.6rem; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--back); color: inherit; max-width: 100%; min-width: 0; min-height: 2.75rem; }
button { background: var(--mark); color: var(--page); border: 0; cursor: pointer; }
main { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 48rem) { main { grid-template-columns: repeat(2, minmax(0, 1fr)); align-items: start; } }
section { background: var(--back); border: 1px solid var(--line); border-radius: 0.75rem; }
ol { list-style: none; margin: 0; padding: 0; }
li { padding: 0.7rem 0.8rem; border-top: 1px solid var(--line); display: grid; grid-template-columns: 2.2rem minmax(0, 1fr); gap: 0.5rem; }
li:first-child { border-top: 0; }
.place { font-variant-numeric: tabular-nums; color: var(--soft); text-align: right; }
.who { font-weight: 600; overflow-wrap: anywhere; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.2rem 0; }
.gap .text { color: var(--soft); font-style: italic; white-space: normal; }
details { margin-top: 0.3rem; font-size: 0.875rem; }
summary { cursor: pointer; color: var(--mark); padding: 0.2rem 0; }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.1rem 0.75rem; margin: 0.3rem 0 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
`;
