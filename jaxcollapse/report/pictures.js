// The figures, filled with numbers. Models are found by the names that figures.py gives them.

const modelOf = name => Bokeh.documents[0].get_model_by_name(name);
const fill = (name, columns) => { modelOf(name).data = columns; };
const element = id => document.getElementById(id);
const LETTER = 7.5;  // pixels
const MOST_BARS = 10;  // intervals along a line
const VERDICT = "verdict", ANSWERS = "answers";  // what the colour of a cell shows, if no quantity
const hasWord = ({colour}) => colour === VERDICT || colour === ANSWERS;
const isKnown = values => Boolean(values?.some(value => !Number.isNaN(value)));

// Which quantity has its numbers in cells: the one that is their colour, or what their words are about.
const valueOf = (page, {colour}) => ({[VERDICT]: page.value, [ANSWERS]: page.answered})[colour] ?? colour;

function ofCell(page, choice, told, place) {
  if (hasWord(choice) || told.codes?.[place] === ABSENT) return lookOf(page, told.codes[place]);
  const [colour, ink] = coloursOf(page, told.scale, told.values[place]);
  return {colour, ink};
}

function dress(name, ends, ticks, title) {
  const [figure, side] = name.split("-");
  const range = modelOf(figure)[`${side}_range`];
  const axis = modelOf(name);
  range.setv({start: ends[0], end: ends[1]});
  const room = side === "x" ? element(figure).clientWidth - 80 : modelOf(figure).height - 80;
  axis.ticker.ticks = ticks.map(([place]) => place);
  axis.setv({major_label_overrides: new Map(ticks), axis_label: broken(title, room / LETTER).join("\n")});
}

const fromRows = (names, rows) => Object.fromEntries(names.map((name, at) => [name, rows.map(row => row[at])]));

// A text in lines of at most so many letters, but for words that are longer: "zipf(exponent=1.5)" has three of them.
function broken(text, most) {
  const lines = [""];
  for (const word of text.match(/[^ (=_]*[ (=_]*/g)) {
    if (lines.at(-1) && `${lines.at(-1)}${word}`.trimEnd().length > most) lines.push("");
    lines[lines.length - 1] += word;
  }
  return lines.map(line => line.trimEnd());
}

const longestOf = texts => Math.max(0, ...texts.map(text => text.length));

// As many of the labels as stand side by side, each with so much room.
function ticksOf(labels, room, needed) {
  const step = Math.max(1, Math.ceil(needed / room));
  return labels.map((label, place) => [place, label]).filter(([place]) => place % step === 0);
}

// The colours of the page in all figures.
function dressAll() {
  for (const model of Bokeh.documents[0]._all_models.values()) {
    for (const [property, colour] of model.tags) model.setv({[property]: paint(colour)});
  }
}

// A plane of two axes of numbers of which fewer than half of the places have a cell, as of a refined study.
function isSparse(page, {across, up}, {codes}) {
  const shown = [across, up].map(axis => page.axes[axis]?.scale);
  return Boolean(codes) && shown.every(scale => scale) && 2 * codes.filter(code => code !== ABSENT).length < codes.length;
}

// Cells as points: along a zip of numbers at two of these, in a sparse plane at the values of its axes.
function drawPoints(page, choice, told) {
  const {columns, rows, cells} = cellsOf(page.axes, choice), chosen = page.axes[choice.across];
  const [across, up] = choice.fields ? choice.fields.map(field => chosen.points[field]) : [chosen, page.axes[choice.up]];
  const {title} = page.quantities[valueOf(page, choice)] ?? {title: ""};
  const place = cell => [across.scale.places[cell[choice.across]], up.scale.places[cell[choice.up ?? choice.across]]];
  const size = choice.fields ? cells.length > 100 ? 8 : 12
    : Math.min(Math.max(Math.min(element("phase").clientWidth / columns, 320 / rows), 4), 11);
  fill("phase-points", fromRows(POINTS, cells.map((cell, at) => {
    const isAbsent = told.codes?.[at] === ABSENT;
    const {colour} = ofCell(page, choice, told, at);
    const marker = hasWord(choice) ? lookOf(page, told.codes[at]).marker : "circle";
    const word = told.codes ? wordOf(page, told.codes[at]) : "";
    const named = [choice.across, choice.up].filter(axis => axis !== null).map(axis => page.axes[axis].labels[cell[axis]]);
    return [...(isAbsent ? [NaN, NaN] : place(cell)), named.join(", "), word, title ? saidOf(title, told.values[at]) : "", colour, marker, size, paint("soft")];
  })));
  fill("phase-ring", fromRows(["x", "y", "colour"], [[...place(choice.at), paint("ink")]]));
  fill("phase-cells", fromRows(CELLS, []));
  fill("phase-chosen", fromRows(["x", "y", "rim", "width"], []));
  modelOf("phase-x").major_label_orientation = "horizontal";
  element("phase").dataset.words = "points";
  dress("phase-x", endsOf(across.scale), across.scale.ticks, across.title);
  dress("phase-y", endsOf(up.scale), up.scale.ticks, up.title);
}

// The axis along which a phase diagram has a boundary of losses: the one upwards, else the one to the right.
const alongOf = (page, {across, up, fields, colour}) =>
  fields || colour === ANSWERS ? null : [up, across].find(axis => page.bounded.includes(axis)) ?? null;

// The boundary on each line of cells: in a grid a step, among points a mark at its place; with a bar from bound to bound.
function drawBoundary(page, choice, edge) {
  const isUp = alongOf(page, choice) === choice.up, beside = isUp ? choice.across : choice.up, lines = [];
  const areMarks = element("phase").dataset.words === "points";
  const {start, end} = modelOf("phase")[isUp ? "x_range" : "y_range"], mark = 0.013 * (end - start);
  const [half, aside, cap] = areMarks ? [mark, 0, 0] : [0.47, 0.42, 0.06];
  const add = (width, dash, ...ends) => lines.push([...ends.flatMap(([x, y]) => isUp ? [x, y] : [y, x]), dash, width, paint("ink"), width + 2, paint("ground")]);
  for (let at = 0; 6 * at < (edge?.length ?? 0); at++) {
    const [low, middle, high] = edge.subarray(6 * at + (areMarks ? 3 : 0)), place = areMarks ? page.axes[beside].scale.places[at] : at;
    if (low < high && page.replicates > 1) {
      add(1.2, DASHED, [place + aside, low], [place + aside, high]);
      for (const bound of [low, high]) if (cap) add(1.2, [], [place + aside - cap, bound], [place + aside + cap, bound]);
    }
    if (!Number.isNaN(middle)) add(2.4, [], [place - half, middle], [place + half, middle]);
  }
  fill("phase-lines", fromRows(["x0", "y0", "x1", "y1", "dash", "width", "colour", "around", "rim"], lines));
}

const DASHED = [4, 3];  // bounds of a boundary
const POINTS = ["x", "y", "cell", "word", "told", "colour", "marker", "size", "rim"];
const CELLS = ["x", "y", "cell", "word", "short", "told", "colour", "ink", "edge", "rim"];

function drawPhase(page, choice, told) {
  if (choice.fields || isSparse(page, choice, told)) return drawPoints(page, choice, told);
  fill("phase-points", fromRows(POINTS, []));
  fill("phase-ring", fromRows(["x", "y", "colour"], []));
  const {rows, columns, cells} = cellsOf(page.axes, choice);
  const [across, up] = [choice.across, choice.up].map(axis => axis === null ? null : page.axes[axis]);
  const ups = up ? up.labels.map(label => broken(label, 18)) : [];
  const width = (element("phase").clientWidth - 60 - LETTER * longestOf(ups.flat())) / columns;
  const height = 320 / rows;
  const {title} = page.quantities[valueOf(page, choice)] ?? {title: ""};
  const doubtOf = place => told.sure && told.sure[place] < page.sure ? "?" : "";
  const fullOf = place => (told.codes ? wordOf(page, told.codes[place]) : numberOf(told.values[place])) + doubtOf(place);
  const initialOf = place => (told.codes ? lookOf(page, told.codes[place]).letter : "") + doubtOf(place);
  const isWide = width > 6.8 * Math.max(...cells.map((_, place) => fullOf(place).length)) + 6;
  const isSmall = height < 14 || width < 16;
  const hasNumber = told.codes && title && height >= 34;
  const bothOf = place => told.codes[place] >= 0 && hasNumber ? `${fullOf(place)}\n${numberOf(told.values[place])}` : fullOf(place);
  const shortOf = isSmall ? () => "" : isWide ? bothOf : initialOf;
  fill("phase-cells", fromRows(CELLS, cells.map((cell, place) => {
    const {colour, ink} = ofCell(page, choice, told, place);
    const word = told.codes ? wordOf(page, told.codes[place]) : "";
    const where = [across ? across.labels[cell[choice.across]] : "", up ? up.labels[cell[choice.up]] : ""];
    const named = where.filter(label => label).join(", ") || "the only cell";
    const sure = told.sure && !Number.isNaN(told.sure[place]) && told.codes[place] >= 0 ? `, ${percentOf(told.sure[place])} sure` : "";
    const row = up ? cell[choice.up] : 0, column = across ? cell[choice.across] : 0;
    return [column, row, named, word + sure, shortOf(place), title ? saidOf(title, told.values[place]) : "", colour, ink, isSmall ? 0.3 : 1.5, paint("ground")];
  })));
  const chosen = [across ? choice.at[choice.across] : 0, up ? choice.at[choice.up] : 0];
  fill("phase-chosen", fromRows(["x", "y", "rim", "width"], [[...chosen, paint("ground"), 7], [...chosen, paint("ink"), 3]]));
  const acrosses = across ? across.labels.map(label => broken(label, width / LETTER - 1)) : [];
  // Values without an order are all told: upright where they do not stand side by side.
  const isUpright = across && !across.ordered && LETTER * longestOf(acrosses.flat()) > width;
  const texts = isUpright ? across.labels.map(label => broken(label, 18)) : acrosses;
  const needed = isUpright ? 15 * Math.max(...texts.map(lines => lines.length)) : LETTER * longestOf(texts.flat()) + 8;
  modelOf("phase-x").major_label_orientation = isUpright ? "vertical" : "horizontal";
  dress("phase-x", [-0.5, columns - 0.5], ticksOf(texts.map(lines => lines.join("\n")), width, needed), across?.title ?? "");
  element("phase").dataset.words = isSmall ? "none" : isWide ? "whole" : "initials";
  const lines = Math.max(1, ...ups.map(each => each.length));
  dress("phase-y", [-0.5, rows - 0.5], ticksOf(ups.map(each => each.join("\n")), height, 15 * lines + 1), up?.title ?? "");
}

// One line and its band: [place, place, …] of low, middle and high.
function bandOf(xs, low, high) {
  const known = xs.map((_, at) => at).filter(at => !Number.isNaN(low[at]) && !Number.isNaN(high[at]));
  const back = [...known].reverse();
  return [[...known.map(at => xs[at]), ...back.map(at => xs[at])], [...known.map(at => low[at]), ...back.map(at => high[at])]];
}

// Intervals of one of several lines as bars that stand side by side: bands over each other could not be told apart.
function whiskersOf(xs, low, high, hue, at, number) {
  const room = (xs.at(-1) - xs[0]) / MOST_BARS, bars = [];
  xs.forEach((x, place) => {
    const isLast = place === xs.length - 1;
    const isFree = !bars.length || x - bars.at(-1) >= room && (isLast || xs.at(-1) - x >= room);
    if (isFree && !Number.isNaN(low[place]) && !Number.isNaN(high[place])) bars.push(x);
  });
  const aside = room * 0.16 * (at - (number - 1) / 2);
  return bars.map(x => [[x + aside, x + aside], [low[xs.indexOf(x)], high[xs.indexOf(x)]], hue, [], 2.5, 0.75]);
}

// lines: {text, scale, low, middle, high, mean, theory, replicates}, each of all generations.
function drawCurves(page, name, lines, title, generation) {
  const xs = page.generations.map(each => placeOfGeneration(page.time, each));
  const bands = [], drawn = [], points = [];
  lines.forEach((line, at) => {
    const hue = paint(HUES[lines.length === 1 ? 2 : at % HUES.length]), dash = DASHES[lines.length === 1 ? 0 : at % DASHES.length];
    const places = values => Array.from(values, value => placeOf(line.scale, value));
    for (const values of line.replicates ?? []) drawn.push([xs, places(values), hue, [], 1, 0.28]);
    // Several bands over each other, and single lines through them, would hide one another.
    if (name === "events") drawn.push(...whiskersOf(xs, places(line.low), places(line.high), hue, at, lines.length));
    else if (lines.length === 1 || !line.replicates) bands.push([...bandOf(xs, places(line.low), places(line.high)), hue]);
    drawn.push([xs, places(line.middle), hue, dash, 2.5, 1]);
    places(line.middle).forEach((y, place) => {
      points.push([xs[place], y, page.generations[place], numberOf(line.middle[place]), line.text, hue]);
    });
    if (!isKnown(line.theory)) return;
    if (line.mean) drawn.push([xs, places(line.mean), paint(MEAN[0]), MEAN[1], 2, 1]);
    drawn.push([xs, places(line.theory), paint(THEORY[0]), THEORY[1], 2.5, 1]);
  });
  fill(`${name}-bands`, fromRows(["xs", "ys", "colour"], bands));
  fill(`${name}-lines`, fromRows(["xs", "ys", "colour", "dash", "width", "alpha"], drawn));
  fill(`${name}-points`, fromRows(["x", "y", "generation", "told", "line", "colour"], points));
  modelOf(`${name}-now`).location = xs[generation];
  const room = 0.02 * (page.time.high - page.time.low);
  dress(`${name}-x`, [page.time.low - room, page.time.high + room], page.time.ticks, "generation");
  dress(`${name}-y`, endsOf(lines[0].scale), lines[0].scale.ticks, title);
}

function drawPlane(page, choice, told, way) {
  const [across, up] = told.plane.scales;
  const {cells} = cellsOf(page.axes, choice);
  const point = (x, y) => [placeOf(across, x), placeOf(up, y)];
  const of = (x, y) => `${numberOf(x)}, ${numberOf(y)}`;
  fill("plane-cells", fromRows(POINTS, cells.map((cell, place) => {
    const [x, y] = [told.plane.x[place], told.plane.y[place]];
    const code = told.codes ? told.codes[place] : -1;
    const {colour, marker} = told.codes ? lookOf(page, code) : {colour: paint("soft"), marker: "circle"};
    const where = [choice.across, choice.up].filter(axis => axis !== null).map(axis => page.axes[axis].labels[cell[axis]]);
    return [...point(x, y), where.join(", "), told.codes ? wordOf(page, code) : "", of(x, y), colour, marker, 11, paint("soft")];
  })));
  const [xs, ys] = page.plane.map(name => way[name].middle.subarray(0, choice.generation + 1));
  const path = Array.from(xs, (x, at) => point(x, ys[at])).filter(place => !place.some(Number.isNaN));
  fill("plane-way", {xs: [path.map(place => place[0])], ys: [path.map(place => place[1])], colour: [paint("ink")]});
  fill("plane-chosen", {x: path.length ? [path.at(-1)[0]] : [], y: path.length ? [path.at(-1)[1]] : [], colour: path.length ? [paint("ink")] : []});
  const [few, many] = page.plane.map(name => way[name].replicates?.[0] ?? []);
  const single = few.map((values, at) => [values[choice.generation], many[at][choice.generation]]);
  fill("plane-replicates", fromRows(POINTS, single.map(([x, y], at) =>
    [...point(x, y), `replicate ${at}`, "", of(x, y), "#9aa0a6", "circle", 7, paint("ground")])));
  modelOf("plane-tolerance").location = placeOf(up, page.tolerance);
  modelOf("plane-original").location = placeOf(across, 1);
  const [left] = endsOf(across), level = placeOf(up, page.tolerance), gap = 0.015 * (up.high - up.low);
  fill("plane-regions", {x: [left, left], y: [level + gap, level - gap], text: ["forgotten", "recoverable"], base: ["bottom", "top"], colour: [paint("soft"), paint("soft")]});
  page.plane.forEach((name, at) => {
    const scale = told.plane.scales[at];
    dress(`plane-${"xy"[at]}`, endsOf(scale), scale.ticks, page.quantities[name].title);
  });
}
