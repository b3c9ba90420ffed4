// @ts-nocheck: runs in the browser as it is, beside uPlot
// The page of `hyfw board`: asks the server for runs and new lines of their metrics, and draws them.

const COLOURS = [
  "#1f77d0",
  "#e0701a",
  "#2ca05a",
  "#c23b55",
  "#8a63c9",
  "#8c6d3f",
  "#d266b0",
  "#6b7a8c",
  "#9aa51e",
  "#17a2b8",
];
const TABS = ["curves", "pictures", "compare", "data", "plan"];
const EVERY_MS = 2000;

const state = {
  runs: [],
  lines: new Map(),
  hidden: new Set(),
  tab: tabOfAddress(),
  smoothing: 0.6,
  charts: new Map(),
};
const view = document.getElementById("view");

/** A DOM node: texts are texts, never HTML. */
function make(tag, facts = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

function tabOfAddress() {
  const named = location.hash.slice(1);
  return TABS.includes(named) ? named : "curves";
}

const colourOf = (run) => COLOURS[run.id % COLOURS.length];
const shownRuns = () => state.runs.filter(({ id }) => !state.hidden.has(id));
const linesOf = (run) => state.lines.get(run.id) ?? [];
const nameOf = (run) => run.folder;
// The record is written at milestones only; a logged step may be further.
const stepOf = (run) => Math.max(run.record.step, linesOf(run).at(-1)?.step ?? 0);

/** Every number of a line by group: `{ loss: { loss: 0.5 }, … }`. */
function groupsOf(line) {
  const flat = {
    loss: line.loss,
    "gradient norm": line.gradNorm,
    "learning rate": line.lr,
    "samples per second": line.samplesPerSecond,
  };
  const groups = Object.fromEntries(Object.entries(flat).map(([name, value]) => [name, { [name]: value }]));
  if (line.flopsPerSecond !== undefined)
    groups["operations per second"] = { "GFLOP/s": line.flopsPerSecond / 1e9 };
  if (line.mfu !== undefined) groups["model's share of the device's peak"] = { MFU: line.mfu };
  groups["parts of the loss"] = line.parts;
  groups["loss by timestep"] = line.lossByTimestep ?? {};
  groups["loss by bucket"] = line.lossByBucket ?? {};
  groups["time per step, ms"] = line.ms;
  const mib = (bytes) => bytes / 2 ** 20;
  const memory = Object.entries(line.memory ?? {}).map(([kind, bytes]) => [kind, mib(bytes)]);
  groups["memory, MiB"] = { ...Object.fromEntries(memory), process: mib(line.rssBytes) };
  return groups;
}

const NOISY = new Set(["loss", "gradient norm", "parts of the loss", "loss by timestep", "loss by bucket"]);

/** An exponential mean that starts without bias; gaps stay gaps. */
function smooth(values, factor) {
  let mean = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return null;
    mean = factor * mean + (1 - factor) * value;
    weight = factor * weight + (1 - factor);
    return mean / weight;
  });
}

/** Charts by title, each with one series per run and number. */
function chartsOf(runs) {
  const charts = new Map();
  for (const run of runs)
    for (const line of linesOf(run))
      for (const [title, numbers] of Object.entries(groupsOf(line)))
        for (const [name, value] of Object.entries(numbers ?? {})) {
          if (!charts.has(title)) charts.set(title, new Map());
          const series = charts.get(title);
          const key = `${run.id} ${name}`;
          if (!series.has(key)) series.set(key, { run, name, points: new Map() });
          series.get(key).points.set(line.step, value);
        }
  return charts;
}

function dataOf(title, series) {
  const steps = [...new Set(series.flatMap(({ points }) => [...points.keys()]))].sort((a, b) => a - b);
  const factor = NOISY.has(title) ? state.smoothing : 0;
  return [
    steps,
    ...series.map(({ points }) =>
      smooth(
        steps.map((step) => points.get(step) ?? null),
        factor,
      ),
    ),
  ];
}

function optionsOf(series, width) {
  const many = shownRuns().length > 1;
  const names = new Set(series.map(({ name }) => name));
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--soft");
  const line = getComputedStyle(document.documentElement).getPropertyValue("--line");
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  return {
    width,
    height: 240,
    scales: { x: { time: false } },
    axes: [axis, { ...axis, size: 64 }],
    series: [
      { label: "step" },
      ...series.map(({ run, name }, index) => ({
        label: [...(names.size > 1 ? [name] : []), ...(many || names.size === 1 ? [nameOf(run)] : [])].join(
          ", ",
        ),
        stroke: names.size > 1 && !many ? COLOURS[index % COLOURS.length] : colourOf(run),
        dash:
          names.size > 1 && many
            ? [[], [6, 4], [2, 3], [10, 4, 2, 4]][[...names].indexOf(name) % 4]
            : undefined,
        width: 1.5,
        spanGaps: true,
        value: (_chart, value) =>
          value === null || value === undefined ? "–" : Number(value.toPrecision(5)),
      })),
    ],
  };
}

function drawCurves() {
  const charts = chartsOf(shownRuns());
  if (charts.size === 0) return view.replaceChildren(make("p", { class: "none" }, "No logged step yet."));
  let grid = view.querySelector(".charts");
  if (grid === null) {
    grid = make("div", { class: "charts" });
    view.replaceChildren(grid);
    state.charts.clear();
  }
  for (const [title, byKey] of charts) {
    const series = [...byKey.values()];
    const shape = [...byKey.keys()].join();
    const known = state.charts.get(title);
    if (known?.shape === shape) {
      known.chart.setData(dataOf(title, series));
      continue;
    }
    const figure = known?.figure ?? make("figure", {}, make("figcaption", {}, title));
    known?.chart.destroy();
    if (known === undefined) grid.append(figure);
    const width = Math.max(280, figure.clientWidth - 16);
    state.charts.set(title, {
      figure,
      shape,
      chart: new uPlot(optionsOf(series, width), dataOf(title, series), figure),
    });
  }
  for (const [title, { figure, chart }] of state.charts)
    if (!charts.has(title)) {
      chart.destroy();
      figure.remove();
      state.charts.delete(title);
    }
}

function drawPictures() {
  const sections = shownRuns().map((run) => {
    const prompts = [
      ...new Set(run.pictures.flatMap(({ pictures }) => pictures.map(({ prompt }) => prompt))),
    ];
    const heads = run.pictures.map(({ step }) => make("th", {}, `step ${step}`));
    const rows = prompts.map((prompt) => {
      const cells = run.pictures.map(({ pictures }) => {
        const found = pictures.find((one) => one.prompt === prompt);
        const load = ({ target }) => target.classList.toggle("small", target.naturalWidth < 128);
        return make(
          "td",
          {},
          found && make("img", { src: found.address, alt: prompt, loading: "lazy", onload: load }),
        );
      });
      return make("tr", {}, make("th", { class: "prompt" }, prompt), ...cells);
    });
    const body =
      rows.length === 0
        ? make("p", { class: "none" }, "No pictures yet.")
        : make(
            "div",
            { class: "wide" },
            make("table", { class: "pictures" }, make("tr", {}, make("th"), ...heads), ...rows),
          );
    return [title(run), body];
  });
  view.replaceChildren(...sections.flat());
}

function title(run) {
  const dot = make("span", { class: "dot", style: `background:${colourOf(run)}` });
  return make(
    "h2",
    {},
    dot,
    `${nameOf(run)}: ${run.record.status}, step ${run.record.step} of ${run.record.lastStep}`,
  );
}

/** Settings as dotted paths. */
function flatten(value, path = "", found = {}) {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    for (const [name, child] of Object.entries(value))
      flatten(child, path === "" ? name : `${path}.${name}`, found);
  else found[path] = JSON.stringify(value);
  return found;
}

const mean = (numbers) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;

function summary(run) {
  const lines = linesOf(run);
  const tail = lines.slice(-Math.max(1, Math.floor(lines.length / 10)));
  const of = (pick) => {
    const numbers = tail.map(pick).filter(Number.isFinite);
    return numbers.length === 0 ? "–" : String(Number(mean(numbers).toPrecision(4)));
  };
  return {
    status: run.record.status,
    step: `${stepOf(run)} of ${run.record.lastStep}`,
    "loss, last tenth": of(({ loss }) => loss),
    "samples per second": of(({ samplesPerSecond }) => samplesPerSecond),
    "GFLOP/s": of(({ flopsPerSecond = Number.NaN }) => flopsPerSecond / 1e9),
    "peak of tensors, MiB": of(({ memory }) => (memory?.peak ?? Number.NaN) / 2 ** 20),
    begun: run.record.created,
  };
}

function drawCompare() {
  const runs = shownRuns();
  const summaries = runs.map(summary);
  const heads = make(
    "tr",
    {},
    make("th"),
    ...runs.map((run) =>
      make("th", {}, make("span", { class: "dot", style: `background:${colourOf(run)}` }), nameOf(run)),
    ),
  );
  const facts = Object.keys(summaries[0] ?? {}).map((name) =>
    make("tr", {}, make("th", {}, name), ...summaries.map((one) => make("td", {}, one[name]))),
  );
  const settings = runs.map(({ record }) => flatten(record.settings));
  const paths = [...new Set(settings.flatMap((one) => Object.keys(one)))].sort();
  const differing = paths.filter((path) => new Set(settings.map((one) => one[path])).size > 1);
  const rows = differing.map((path) =>
    make(
      "tr",
      { class: "differs" },
      make("th", {}, path),
      ...settings.map((one) => make("td", {}, one[path] ?? "–")),
    ),
  );
  view.replaceChildren(
    make("h2", {}, "Figures"),
    make("div", { class: "wide" }, make("table", { id: "figures" }, heads, ...facts)),
    make("h2", {}, "Settings that differ"),
    rows.length === 0
      ? make("p", { class: "none" }, runs.length < 2 ? "Choose two runs to compare." : "None.")
      : make("div", { class: "wide" }, make("table", { id: "differences" }, heads.cloneNode(true), ...rows)),
  );
}

const ABOUT_DATA = /data|caption|augment|chance/i;

function drawSections(wanted) {
  const parts = shownRuns().flatMap((run) => {
    const sections = run.record.plan.filter(
      (section) => ABOUT_DATA.test(section.title) === (wanted === "data"),
    );
    const tables = sections.flatMap(({ title: name, rows }) => [make("h2", {}, name), table(rows)]);
    return [title(run), ...tables, ...(wanted === "data" ? losses(run) : origins(run))];
  });
  view.replaceChildren(...parts);
}

function table(rows) {
  return make(
    "div",
    { class: "wide" },
    make(
      "table",
      {},
      ...rows.map(([name, value]) => make("tr", {}, make("th", {}, name), make("td", {}, value))),
    ),
  );
}

function losses(run) {
  const last = linesOf(run).at(-1);
  if (last === undefined) return [];
  const rows = (group) => Object.entries(group ?? {}).map(([name, value]) => [name, value.toPrecision(4)]);
  return [
    make("h2", {}, `Loss by bucket at step ${last.step}`),
    table(rows(last.lossByBucket)),
    make("h2", {}, `Loss by timestep at step ${last.step}`),
    table(rows(last.lossByTimestep)),
  ];
}

function origins(run) {
  const settings = flatten(run.record.settings);
  const rows = Object.entries(run.record.origins).map(([path, origin]) => [
    path,
    `${settings[path] ?? ""}  (${origin})`,
  ]);
  const details = make(
    "details",
    {},
    make("summary", {}, `${rows.length} settings and who set them`),
    table(rows),
  );
  return [make("h2", {}, "Settings"), details];
}

function drawRuns() {
  const chips = state.runs.map((run) => {
    const toggle = ({ target }) => {
      if (target.checked) state.hidden.delete(run.id);
      else state.hidden.add(run.id);
      state.charts.clear();
      view.replaceChildren();
      draw();
    };
    return make(
      "label",
      {},
      make("input", { type: "checkbox", checked: !state.hidden.has(run.id), onchange: toggle }),
      make("span", { class: "dot", style: `background:${colourOf(run)}` }),
      nameOf(run),
    );
  });
  document.getElementById("runs").replaceChildren(...chips);
}

function drawTabs() {
  const buttons = TABS.map((name) =>
    make(
      "button",
      {
        type: "button",
        "aria-selected": String(name === state.tab),
        onclick: () => {
          location.hash = name;
        },
      },
      name,
    ),
  );
  document.getElementById("tabs").replaceChildren(...buttons);
}

function draw() {
  const running = state.runs.filter(({ record }) => record.status === "running").length;
  document.getElementById("state").textContent = `${state.runs.length} run(s), ${running} running`;
  if (state.tab === "curves") drawCurves();
  else if (state.tab === "pictures") drawPictures();
  else if (state.tab === "compare") drawCompare();
  else drawSections(state.tab);
}

async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

let shown = "";
async function look() {
  try {
    state.runs = await ask("api/runs");
    for (const run of state.runs) {
      const before = linesOf(run);
      const known =
        before.length > 0 && run.record.step < before.at(-1).step && run.record.status !== "running"
          ? []
          : before;
      const more = await ask(`api/runs/${run.id}/metrics?from=${known.length}`);
      // A run that went on from a checkpoint has its later lines cut off; then all of them are asked for again.
      const isCut = more.length > 0 && known.length > 0 && more[0].step <= known.at(-1).step;
      state.lines.set(run.id, isCut ? await ask(`api/runs/${run.id}/metrics?from=0`) : [...known, ...more]);
    }
    const now = JSON.stringify([state.runs, [...state.lines.values()].map((lines) => lines.length)]);
    if (now !== shown) {
      shown = now;
      drawRuns();
      draw();
    }
  } catch (fault) {
    document.getElementById("state").textContent = `no answer: ${fault.message}`;
  }
  setTimeout(look, EVERY_MS);
}

addEventListener("hashchange", () => {
  state.tab = tabOfAddress();
  state.charts.clear();
  view.replaceChildren();
  drawTabs();
  draw();
});
document.querySelector("#smoothing input").addEventListener("input", ({ target }) => {
  state.smoothing = Number(target.value);
  if (state.tab === "curves") drawCurves();
});
drawTabs();
look();
