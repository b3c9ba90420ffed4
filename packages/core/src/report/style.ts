import { trusted } from "./markup.js";

/** The style of the report: no fonts or files from elsewhere, light and dark. */
export const STYLE = trusted(`
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #667; --line: #d8dbe0; --paper: #fff; --main: #1f6feb; --second: #d1651a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #99a; --line: #3a3f47; --paper: #16181c; --main: #6cb0ff; --second: #f0a05a; } }
body { margin: 2rem auto; max-width: 1100px; padding: 0 1rem; font: 15px/1.5 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: var(--ink); background: var(--paper); }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2.2rem 0 .6rem; font-size: 1.15rem; border-bottom: 1px solid var(--line); }
h3 { margin: 1.2rem 0 .3rem; font-size: .95rem; }
.lead, .none, figcaption { color: var(--soft); } .wide { overflow-x: auto; }
.status { display: inline-block; padding: 0 .6em; border: 1px solid currentColor; border-radius: 1em; font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1rem; }
figure { margin: 0; } svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--soft); } svg .y { text-anchor: end; } svg .x { text-anchor: middle; }
.grid { stroke: var(--line); } polyline { fill: none; stroke-width: 1.6; } polyline.main { stroke: var(--main); } polyline.second { stroke: var(--second); } polyline.faint { stroke: var(--main); opacity: .25; stroke-width: 1; }
.key { margin-left: .8em; } .key::before { content: ""; display: inline-block; width: 1.2em; height: .2em; margin-right: .3em; vertical-align: middle; background: var(--main); } .key.second::before { background: var(--second); } .key.faint::before { opacity: .35; }
table { border-collapse: collapse; } th, td { padding: .2rem .7rem .2rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; } th { font-weight: 500; color: var(--soft); }
.samples th, .samples td { padding: .25rem; vertical-align: middle; } .samples .prompt { min-width: 11rem; max-width: 16rem; font-size: .85rem; } .samples .small { image-rendering: pixelated; } .samples .large { max-width: 256px; height: auto; }
.settings { font-size: .85rem; font-family: ui-monospace, monospace; } summary { cursor: pointer; }
`);
