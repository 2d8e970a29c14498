// What is chosen, and everything drawn again when that changes.

const page = JSON.parse(element("page-data").textContent);
const FIGURES = ["phase", "curves", "plane", "events"];  // in the order of figures.py
const source = page.numbers ? new Stored(page) : new Served();
const events = Object.keys(page.quantities).filter(name => page.quantities[name].event);
const several = page.axes.map((axis, place) => place).filter(place => page.axes[place].labels.length > 1);
const choice = {
  across: page.across,
  up: page.up,
  at: page.start,
  generation: page.generations.length - 1,
  colour: element("colour").value,
  curve: element("curve").value,
  replicate: 0,
  fields: null,  // of the axis to the right, where its values are points: those to the right and upwards
};
const arePoints = () => element("phase").dataset.words === "points";
const isPoints = axis => axis !== null && page.axes[axis].points.length > 0;
if ([page.across, page.up].some(isPoints)) Object.assign(choice, {across: [page.across, page.up].find(isPoints), up: null, fields: [0, 1]});

function showControls() {
  if (element("up").options.length > 1) {
    const ways = choice.fields ? choice.fields.map(field => `${choice.across}:${field}`) : [choice.across, choice.up];
    ["across", "up"].forEach((id, at) => { element(id).value = ways[at] ?? ""; });
  }
  for (const axis of several) {
    const control = element(`axis-${axis}`), label = page.axes[axis].labels[choice.at[axis]];
    control.value = choice.at[axis];
    if (control.type === "range") {
      control.setAttribute("aria-valuetext", label);
      element(`axis-${axis}-said`).textContent = label;
    }
  }
  const slider = element("generation"), generation = String(page.generations[choice.generation]);
  slider.max = page.generations.length - 1;
  slider.value = choice.generation;
  slider.setAttribute("aria-valuetext", generation);
  element("generation-said").textContent = generation;
  if (element("replicate")) element("replicate-said").textContent = element("replicate").value = choice.replicate;
}

const sentence = text => `${text[0].toUpperCase()}${text.slice(1)}`;
const where = axes => axes.map(axis => `${page.axes[axis].words} ${page.axes[axis].labels[choice.at[axis]]}`).join(", ");

function tell(told, here) {
  const generation = page.generations[choice.generation];
  const title = page.quantities[valueOf(page, choice)]?.title;
  const word = told.codes ? wordOf(page, told.codes[here]) : "";
  const sure = told.sure && told.codes[here] >= 0 && !Number.isNaN(told.sure[here]) ? ` (${percentOf(told.sure[here])} sure)` : "";
  const value = title ? saidOf(title, told.values[here]) : "";
  const isAbsent = told.codes?.[here] === ABSENT;
  const said = isAbsent ? "the sweep has no cell here" : [word + sure, value].filter(text => text).join(", ");
  const named = where(several) || "The only cell";
  element("told").textContent = `${sentence(named)}, at generation ${generation}${said ? `: ${said}` : ""}.`;
  const held = several.filter(axis => axis !== choice.across && axis !== choice.up);
  const of = `${page.replicates > 1 ? `median of ${page.replicates} replicates` : "one replicate"} at generation ${generation}`;
  const doubt = told.sure && !arePoints() && [...told.sure].some(share => share < page.sure) ? ` “?”: less than ${percentOf(page.sure)} sure.` : "";
  const number = title ? `${hasWord(choice) ? "Number below: " : "Colour: "}${title}, ${of}.` : "";
  const words = choice.colour === VERDICT ? "the verdict" : "what became of right answers";
  const colour = hasWord(choice) ? `Colour: ${words}. ${number}` : number;
  element("phase-told").textContent = `${colour}${held.length ? ` At ${where(held)}.` : ""}${doubt} Click on a cell to choose it.`;
  element("curves-told").textContent = `${sentence(where(several) || "the only cell")}. ${page.live ? `Thin lines are ${page.single < page.replicates ? `${page.single} of the ${page.replicates}` : "single"} replicates. ` : ""}`;
  const isEmpty = told.plane && !isKnown(told.plane.x);
  element("plane-told").textContent = isEmpty ? "No cell has an effective temperature, as where the original is uniform: no temperature changes that. There is nothing to show." : `All cells of the phase diagram at generation ${generation}, and the way of the chosen one from the start. To the left cooled, above the dashed line forgotten.`;
  element("events-told").textContent = `Share of trajectories for which it has not happened yet. Bars are 95 % intervals. ${sentence(where(several) || "the only cell")}.`;
}

function showKeys(told, curves) {
  const {scale} = told;
  const tolerance = scale && /recovery_gap$|kl_to_initial$/.test(choice.colour) && !hasWord(choice) ? placeOf(scale, page.tolerance) : null;
  const isCramped = told.codes && !["whole", "points"].includes(element("phase").dataset.words);
  const present = told.codes ? [...new Set(told.codes)].filter(code => code !== ABSENT).sort((one, other) => (one < 0) - (other < 0) || one - other) : [];
  const named = code => `${isCramped ? `${lookOf(page, code).letter} ` : ""}${wordOf(page, code)}`.trim();
  element("phase-key").replaceChildren(...(hasWord(choice) ? present.map(code => arePoints() ? keyMark(lookOf(page, code), named(code)) : keyBox(lookOf(page, code).colour, named(code))) : scale ? [
    keyRamp(page, scale, tolerance),
    ...(tolerance === null ? [] : [made("span", {}, `white line: ${numberOf(page.tolerance)} nat`)]),
    ...(scale.infinity === null ? [] : [keyBox(page.forever, "∞")]),
    ...(told.values.some((value, place) => Number.isNaN(value) && told.codes?.[place] !== ABSENT) ? [keyBox(page.unknown, "none")] : []),
    ...(isCramped ? present.filter(code => lookOf(page, code).letter).map(code => made("span", {}, named(code))) : []),
  ] : []), ...keysOfBoundary());
  const {lines} = page.quantities[choice.curve] ?? {lines: []};
  const chosen = curves[choice.curve];
  const hasBand = page.replicates > 1 && !(lines.length > 1 && page.live);
  const band = hasBand ? "median, and a band that holds 80 % of the replicates" : page.replicates > 1 ? "median" : "one replicate";
  element("curves-key").replaceChildren(
    ...(lines.length > 1 ? lines.map((text, at) => keyLine(HUES[at % HUES.length], DASHES[at % DASHES.length], text)) : []),
    lines.length > 1 ? made("span", {}, band) : keyLine(HUES[2], [], band),
    ...(isKnown(chosen?.theory) ? [keyLine(...THEORY, "mean, by theory")] : []),
    ...(isKnown(chosen?.theory) && chosen.mean ? [keyLine(...MEAN, "mean of the replicates")] : []),
  );
  element("plane-key").replaceChildren(...page.shown.map((word, code) => keyMark(lookOf(page, code), word)));
  element("events-key").replaceChildren(...events.map((name, at) => keyLine(
    HUES[events.length === 1 ? 2 : at % HUES.length], DASHES[events.length === 1 ? 0 : at % DASHES.length],
    `${page.quantities[name].title.replace(/^share before the /, "")}: ${fateOf(curves[name])}`)),
    ...(events.some(name => isKnown(curves[name].theory)) ? [keyLine(...THEORY, "by theory")] : []));
}

// Names the lines that are drawn, solid and dashed.
function keysOfBoundary() {
  const {dash, width} = modelOf("phase-lines").data, along = alongOf(page, choice);
  const half = page.replicates > 1 ? "half of the replicates are forgetting or collapsed" : "forgetting or collapsed begins or ends";
  return [
    ...(width.some(each => each > 2) ? [keyLine("ink", [], `along ${page.axes[along].words}: ${half}`)] : []),
    ...(dash.some(each => each.length) ? [keyLine("ink", DASHED, "its 95 % bounds")] : []),
  ];
}

// "happened in 19 % (4 % to 46 %) by generation 400": the others are censored there, as nothing is known of them later.
function fateOf({low, middle, high}) {
  const [least, share, most] = [high, middle, low].map(values => 1 - values.at(-1));
  if (Number.isNaN(share)) return "not known";
  const percent = value => `${Math.round(100 * value)} %`;
  const interval = Number.isNaN(least) || Number.isNaN(most) ? "" : ` (${percent(least)} to ${percent(most)})`;
  return `in ${percent(share)}${interval} by generation ${page.generations.at(-1)}`;
}

// "4.44 (4.36 to 4.52) nat"; of an end that is not known nothing is said.
function intervalOf({values: [estimate, low, high], units}) {
  const [from, to] = [low, high].map(end => Number.isNaN(end) ? "" : numberOf(end));
  const interval = from && to ? `${from} to ${to}` : from ? `from ${from}` : to ? `up to ${to}` : "";
  return `${numberOf(estimate)}${interval ? ` (${interval})` : ""}${units === "1" ? "" : ` ${units}`}`;
}

// "recovery temperature, of 7 of 12", where the other trajectories have none.
function titleOf(title, rows) {
  const known = rows.find(row => row.title === title && isKnown(row.known))?.known;
  return known ? `${title}, of ${known[0]} of ${known[1]}` : title;
}

function showTables(plane, summary) {
  const {rows, columns, cells} = cellsOf(page.axes, choice);
  const across = choice.across === null ? [""] : page.axes[choice.across].labels;
  const up = choice.up === null ? [""] : page.axes[choice.up].labels;
  const text = place => plane.codes?.[place] === ABSENT ? "" : `${plane.codes ? `${wordOf(page, plane.codes[place])} ` : ""}${numberOf(plane.values[place])}`;
  const isChosen = cell => cell.every((place, axis) => place === choice.at[axis]);
  const head = [choice.up === null ? "" : page.axes[choice.up].title, ...across];
  if (choice.fields) tableOf(element("phase-table"), [page.axes[choice.across].title, ""], across.map((label, place) => [label, [text(place), isChosen(cells[place]) ? {"aria-current": "true"} : {}]]));
  else tableOf(element("phase-table"), head, Array.from({length: rows}, (_, row) => [
    up[row],
    ...Array.from({length: columns}, (_, column) => {
      const place = row * columns + column;
      return [text(place), isChosen(cells[place]) ? {"aria-current": "true"} : {}];
    }),
  ]));
  const kinds = ["median", "mean", "share"].filter(kind => summary.some(row => row.kind === kind));
  const titles = [...new Set(summary.map(row => row.title))];
  const told = (title, kind) => {
    const row = summary.find(each => each.title === title && each.kind === kind);
    return row ? intervalOf(row) : "";
  };
  tableOf(element("summary"), ["", ...kinds], titles.map(title => [titleOf(title, summary), ...kinds.map(kind => told(title, kind))]));
}

// Texts of one trajectory, generation by generation, each in a box of its own.
function showTexts(told) {
  element("texts").parentElement.hidden = !told;
  if (!told) return;
  element("texts-told").textContent = `${sentence(where(several) || "the only cell")}, replicate ${told.replicate}: drawn at temperature 1.`;
  element("texts").replaceChildren(...told.generations.map((generation, at) => made("div", {},
    made("h4", {}, `generation ${generation}`),
    ...told.texts[at].map(text => made("pre", text ? {} : {class: "empty"}, text || "no text")))));
}

function describe(id, text) {
  element(id).setAttribute("role", "img");
  element(id).setAttribute("aria-label", text);
}

async function drawOnce() {
  showControls();
  const chosen = {...choice, at: [...choice.at]};
  const names = [...new Set([chosen.curve, ...events, ...(page.plane ?? [])])].filter(name => name);
  const asked = {...chosen, colour: valueOf(page, chosen)};
  const along = alongOf(page, chosen), boundary = along === null ? null : source.boundary(chosen, along);
  drawn = await Promise.all([source.plane(asked), source.curves(chosen.at, names), source.summary(chosen.at), boundary, page.texts ? source.texts(chosen) : null]);
  if (!isStale) show(...drawn);
}

// All that is known of what is chosen. It needs no answers, so that it can be shown again: in other colours, on paper.
function show(all, curves, summary, boundary, texts) {
  const isAnswer = choice.colour === ANSWERS;
  page.shown = isAnswer ? page.answers : page.words;
  const told = isAnswer ? {...all, codes: all.answers, sure: null} : all;
  const here = cellsOf(page.axes, choice).cells.findIndex(each => each.every((place, axis) => place === choice.at[axis]));
  dressAll();
  drawPhase(page, choice, told);
  drawBoundary(page, choice, boundary);
  if (choice.curve) {
    const {title, lines} = page.quantities[choice.curve], step = page.generations.length, all = curves[choice.curve];
    const cut = (values, at) => values.subarray(at * step, (at + 1) * step);
    drawCurves(page, "curves", lines.map((text, at) => ({
      ...all, text, replicates: all.replicates?.[at], low: cut(all.low, at), middle: cut(all.middle, at), high: cut(all.high, at),
    })), title, choice.generation);
  }
  if (events.length) {
    const lines = events.map(name => ({...curves[name], text: page.quantities[name].title}));
    drawCurves(page, "events", lines, "share of trajectories", choice.generation);
  }
  if (page.plane) drawPlane(page, choice, told, curves);
  tell(told, here);
  showKeys(told, curves);
  showTables(told, summary);
  showTexts(texts);
  for (const id of FIGURES) {
    const title = element(id).parentElement.querySelector("h3").textContent;
    describe(id, `${title}. ${element(`${id}-told`).textContent} ${id === "phase" ? [element("told"), ...keysOfBoundary()].map(each => each.textContent).join(" ") : ""}`);
  }
}

let drawn = null, isDrawing = false, isStale = false, drawings = 0;
async function draw() {
  isStale = true;
  if (isDrawing) return;
  isDrawing = true;
  setState("busy");
  try {
    while (isStale) {
      isStale = false;
      await drawOnce();
    }
    setState("");
  } catch (error) {
    setState("failed");
    element("told").textContent = `This cannot be shown: ${error.message}`;
  }
  isDrawing = false;
  document.documentElement.dataset.drawn = ++drawings;
}

// What is on the page is what is chosen, unless it is "busy" or has "failed"; page.css then covers the pictures.
function setState(state) {
  document.documentElement.dataset.state = state;
  element("look").setAttribute("aria-busy", String(state === "busy"));
}

function choose(change) {
  Object.assign(choice, change);
  draw();
}

// An axis cannot run both ways: the other one takes the place that is given up. Points take both.
function turn(way, told) {
  const [axis, field] = told.split(":").map(Number), at = way === "across" ? 0 : 1;
  if (field !== undefined) {
    const old = choice.fields && choice.across === axis ? choice.fields : [0, 1];
    const other = old[1 - at] === field ? old[at] === field ? Number(field === 0) : old[at] : old[1 - at];
    choose({across: axis, up: null, fields: at ? [other, field] : [field, other]});
    return;
  }
  const other = way === "across" ? "up" : "across";
  const kept = choice.fields ? several.find(each => each !== axis && !isPoints(each)) ?? null : choice[other] === axis ? choice[way] : choice[other];
  choose(kept === null ? {across: axis, up: null, fields: null} : {[way]: axis, [other]: kept, fields: null});
}

function listen() {
  for (const way of ["across", "up"]) element(way).addEventListener("change", event => turn(way, event.target.value));
  for (const name of ["colour", "curve"]) element(name).addEventListener("change", event => choose({[name]: event.target.value}));
  element("generation").addEventListener("input", event => choose({generation: Number(event.target.value)}));
  element("replicate")?.addEventListener("input", event => choose({replicate: Number(event.target.value)}));
  for (const axis of several) {
    element(`axis-${axis}`).addEventListener("input", event => {
      choose({at: choice.at.map((place, each) => each === axis ? Number(event.target.value) : place)});
    });
  }
  element("controls").addEventListener("submit", event => event.preventDefault());
  for (const name of ["phase-cells", "phase-points", "plane-cells"]) {
    const {selected} = modelOf(name);
    selected.properties.indices.change.connect(() => {
      if (!selected.indices.length) return;
      const cell = cellsOf(page.axes, choice).cells[selected.indices[0]];
      selected.indices = [];
      choose({at: cell});
    });
  }
  let waiting = 0, width = element("look").clientWidth;
  new ResizeObserver(() => {
    if (element("look").clientWidth === width) return;
    width = element("look").clientWidth;
    clearTimeout(waiting);
    waiting = setTimeout(draw, 120);
  }).observe(element("look"));
}

// Pictures on canvases have the size and the colours of the screen. On paper there are drawings that fit.
function toPaper() {
  document.documentElement.classList.add("paper");
  if (drawn) show(...drawn);
  for (const details of document.querySelectorAll("details:not([open]):not(figure details)")) {
    details.open = true;
    details.dataset.closed = "";
  }
}

// A listener of its own: figures take in new colours once `toPaper` has ended.
function drawOnPaper() {
  for (const id of FIGURES) {
    const drawing = Bokeh.index.get_by_id(modelOf(id).id)?.export("svg").ctx.get_svg();
    if (!drawing) continue;
    drawing.setAttribute("viewBox", `0 0 ${drawing.getAttribute("width")} ${drawing.getAttribute("height")}`);
    drawing.setAttribute("class", "print");
    element(id).after(drawing);
  }
}

function fromPaper() {
  document.documentElement.classList.remove("paper");
  document.querySelectorAll("svg.print").forEach(drawing => drawing.remove());
  document.querySelectorAll("details[data-closed]").forEach(details => { details.open = false; delete details.dataset.closed; });
  if (drawn) show(...drawn);
}

async function start() {
  const figures = JSON.parse(element("page-figures").textContent);
  const roots = Object.fromEntries(figures.roots.map((root, at) => [root.id, FIGURES[at]]));
  await Bokeh.embed.embed_items({figures}, [{docid: "figures", roots, root_ids: Object.keys(roots)}]);
  listen();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn && show(...drawn));
  for (const listener of [toPaper, drawOnPaper]) addEventListener("beforeprint", listener);
  addEventListener("afterprint", fromPaper);
  await draw();
}

start();
