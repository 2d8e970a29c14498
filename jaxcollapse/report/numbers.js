"use strict";
// Where the numbers are from: `Stored` finds them in the page, `Served` asks the program that serves the page.

function unpacked({type, data}) {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  return type === "i1" ? new Int8Array(bytes.buffer) : new Float32Array(bytes.buffer);
}

// Whatever is packed in a table of tables, unpacked.
function unpackedAll(told) {
  if (Array.isArray(told)) return told.map(unpackedAll);
  if (told === null || typeof told !== "object") return told;
  if (typeof told.data === "string" && told.type !== undefined) return unpacked(told);
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, unpackedAll(value)]));
}

// The cells of a plane, row by row: each with its places along all axes. `across` and `up` may be null.
function cellsOf(axes, {across, up, at}) {
  const rows = up === null ? 1 : axes[up].labels.length;
  const columns = across === null ? 1 : axes[across].labels.length;
  const cells = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = [...at];
      if (up !== null) cell[up] = row;
      if (across !== null) cell[across] = column;
      cells.push(cell);
    }
  }
  return {rows, columns, cells};
}

class Stored {
  constructor(page) {
    this.page = page;
    this.numbers = unpackedAll(page.numbers);
    this.lengths = page.axes.map(axis => axis.labels.length);
  }

  index(cell) {
    return cell.reduce((index, place, axis) => index * this.lengths[axis] + place, 0);
  }

  // What is known of each cell of a plane at a generation.
  async plane(choice) {
    const {generations, plane} = this.page;
    const {curves, codes, sure, answers} = this.numbers;
    const {cells} = cellsOf(this.page.axes, choice);
    const places = cells.map(cell => this.index(cell));
    const step = generations.length;
    const at = name => places.map(place => curves[name].middle[place * step + choice.generation]);
    const isLast = choice.generation === step - 1;
    return {
      values: choice.colour ? at(choice.colour) : places.map(() => NaN),
      scale: choice.colour ? curves[choice.colour].scale : null,
      answers: answers ? places.map(place => answers[place * step + choice.generation]) : null,
      codes: codes ? places.map(place => codes[place * step + choice.generation]) : null,
      sure: sure && isLast ? places.map(place => sure[place]) : null,
      plane: plane && {x: at(plane[0]), y: at(plane[1]), scales: plane.map(name => curves[name].scale)},
    };
  }

  // Six numbers for each line of cells of a plane; see edges.py.
  async boundary({across, up, at, generation}, along) {
    const beside = along === up ? across : up, step = this.page.generations.length;
    const lines = beside === null ? [at] : this.page.axes[beside].labels.map((_, place) => at.map((each, axis) => axis === beside ? place : each));
    const index = cell => cell.reduce((index, place, axis) => axis === along ? index : index * this.lengths[axis] + place, 0);
    const found = lines.map(cell => 6 * (index(cell) * step + generation));
    return Float32Array.from(found.flatMap(start => [...this.numbers.boundaries[along].subarray(start, start + 6)]));
  }

  // The curves of these quantities in a cell.
  async curves(cell, names) {
    const place = this.index(cell);
    const step = this.page.generations.length;
    return Object.fromEntries(names.map(name => {
      const lines = this.page.quantities[name].lines.length;
      const told = this.numbers.curves[name];
      const cut = (values, size) => values && values.subarray(place * size, (place + 1) * size);
      return [name, {
        scale: told.scale,
        low: cut(told.low, lines * step),
        middle: cut(told.middle, lines * step),
        high: cut(told.high, lines * step),
        mean: cut(told.mean, step),
        theory: cut(told.theory, step),
      }];
    }));
  }

  async summary(cell) {
    const place = this.index(cell);
    return this.numbers.summary.map(row => ({
      ...row,
      values: row.values.subarray(3 * place, 3 * place + 3),
      known: row.known?.subarray(2 * place, 2 * place + 2),
    }));
  }

  // What a trajectory of a cell writes at a few generations.
  async texts({at}) {
    const told = this.numbers.texts, place = this.index(at);
    return told ? {generations: told.generations, replicate: told.replicates[place], texts: told.texts[place]} : null;
  }
}

class Served {
  async ask(what, told) {
    const answer = await fetch(`${what}?${new URLSearchParams(told)}`);
    if (!answer.ok) throw new Error(await answer.text());
    return unpackedAll(await answer.json());
  }

  plane({across, up, at, generation, colour}) {
    return this.ask("plane", {across: across ?? "", up: up ?? "", at, generation, colour});
  }

  boundary({across, up, at, generation}, along) {
    return this.ask("boundary", {along, beside: (along === up ? across : up) ?? "", at, generation});
  }

  curves(cell, names) {
    return this.ask("curves", {at: cell, names});
  }

  summary(cell) {
    return this.ask("summary", {at: cell});
  }

  async texts({at, generation, replicate}) {
    const {generations, replicates: [own], texts: [texts]} = await this.ask("texts", {at, generation, replicate});
    return {generations, replicate: own, texts};
  }
}
