// The keys below the figures, and the tables: made of elements and texts, never of markup.

function made(tag, attributes = {}, ...inside) {
  const isDrawing = ["svg", "line", "rect", "path", "text", "linearGradient", "stop", "defs", "circle"].includes(tag);
  const one = isDrawing ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  one.append(...inside);
  return one;
}

function keyLine(colour, dash, text) {
  const line = made("line", {x1: 0, y1: 6, x2: 30, y2: 6, style: `stroke: ${keyed(colour)}`, "stroke-width": 2.5, "stroke-dasharray": dash.join(" ")});
  return made("span", {}, made("svg", {width: 30, height: 12, "aria-hidden": "true"}, line), text);
}

const SHAPES = {
  circle: "M7 2a5 5 0 1 0 .01 0z",
  square: "M2 2h10v10h-10z",
  triangle: "M7 2l6 10h-12z",
  inverted_triangle: "M7 12l6-10h-12z",
  diamond: "M7 0l5 7l-5 7l-5-7z",
  hex: "M2 4l5-3l5 3v6l-5 3l-5-3z",
  cross: "M6 1h2v5h5v2h-5v5h-2v-5h-5v-2h5z",
};

function keyMark({colour, marker}, text) {
  const path = made("path", {d: SHAPES[marker], fill: colour, style: "stroke: var(--soft)"});
  return made("span", {}, made("svg", {width: 14, height: 14, "aria-hidden": "true"}, path), text);
}

function keyBox(colour, text) {
  const box = made("rect", {x: 0.5, y: 0.5, width: 13, height: 13, fill: colour, style: "stroke: var(--soft)"});
  return made("span", {}, made("svg", {width: 14, height: 14, "aria-hidden": "true"}, box), text);
}

// The colours of a scale, with its ticks, and a mark at the tolerance.
function keyRamp(page, scale, tolerance) {
  const stops = page.palette.filter((_, place) => place % 17 === 0)
    .map((colour, place, all) => made("stop", {offset: place / (all.length - 1), "stop-color": colour}));
  const share = place => 100 * (place - scale.low) / (scale.high - scale.low || 1);
  const inside = scale.ticks.filter(([place]) => place >= scale.low - 1e-9 && place <= scale.high + 1e-9);
  const within = inside.filter(([place], at) => at === 0 || share(place) - share(inside[at - 1][0]) > 9);
  const ticks = within.map(([place, label]) => made("text", {
    x: `${share(place)}%`, y: 30, "font-size": 12, fill: "currentColor",
    "text-anchor": share(place) < 4 ? "start" : share(place) > 96 ? "end" : "middle",
  }, label));
  const marks = tolerance === null ? [] : [made("line", {
    x1: `${share(tolerance)}%`, x2: `${share(tolerance)}%`, y1: 0, y2: 14, stroke: "#ffffff", "stroke-width": 2.5,
  })];
  const ramp = made("svg", {"aria-hidden": "true"},
    made("defs", {}, made("linearGradient", {id: "ramp"}, ...stops)),
    made("rect", {width: "100%", height: 14, fill: "url(#ramp)"}), ...marks, ...ticks);
  return made("div", {class: "ramp"}, ramp);
}

function tableOf(table, head, rows) {
  const cell = (text, tag, attributes) => made(tag, attributes, text);
  table.replaceChildren(
    made("thead", {}, made("tr", {}, ...head.map(text => cell(text, "th", {scope: "col"})))),
    made("tbody", {}, ...rows.map(([first, ...rest]) => made("tr", {},
      cell(first, "th", {scope: "row"}), ...rest.map(each => Array.isArray(each) ? cell(each[0], "td", each[1]) : cell(each, "td", {}))))),
  );
}
