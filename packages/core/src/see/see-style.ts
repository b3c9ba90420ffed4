/** The look of the page of `hyfw see`; light and dark. */
export const SEE_STYLE = `
:root { color-scheme: light dark; --line: #8884; --del: #c62828; --ins: #2e7d32; --soft: #777; }
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 0 0 .1rem; }
small, dt, .legend { color: var(--soft); font-weight: normal; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 .8rem; margin: .5rem 0; font-size: .85rem; }
dd { margin: 0; overflow-wrap: anywhere; }
article { display: flex; gap: 1rem; border-top: 1px solid var(--line); padding: 1rem 0; }
article > div { flex: 1; min-width: 0; }
img { width: 160px; height: 160px; object-fit: contain; flex: none; image-rendering: auto; background: #8882; }
.caption { margin: 0 0 .6rem; overflow-wrap: anywhere; white-space: pre-wrap; }
.gone { opacity: .45; }
.dropped { color: var(--del); font-weight: normal; }
del { color: var(--del); text-decoration: line-through; } ins { color: var(--ins); text-decoration: underline; }
s { color: var(--soft); text-decoration: line-through wavy; background: #8882; }
table { border-collapse: collapse; font-size: .9rem; } td, th { border-top: 1px solid var(--line); padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top; }
.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font-size: .85em; margin-right: .5em; }
`;
