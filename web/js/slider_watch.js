/** Sees that values of widgets changed, whoever changed them. */

import { placesOf } from "./graph_places.js";

const EVERY_MS = 50;
const PLACES_EVERY_MS = 1000;

/**
 * Values are compared a few times a second. Callbacks of widgets would tell sooner, but not of
 * widgets that a subgraph shows for the node, or of other extensions that set values. Undo makes
 * all nodes anew: what they begin with is taken for seen.
 */
export class SliderWatch {
  /**
   * @param {object} app the frontend
   * @param {string} switchName widget that turns it on and off; a change of it alone is none
   * @param {(ids: string[]) => void} changed given execution ids of nodes with new values
   */
  constructor(app, switchName, changed) {
    this.app = app;
    this.switchName = switchName;
    this.changed = changed;
    this.watched = new Set();
    this.timer = null;
  }

  /**
   * @param {object} node node to watch until it is gone
   * @param {Set<string>} names its widgets that count
   */
  add(node, names) {
    const entry = { names, seen: null, places: [], placesAt: -Infinity };
    this.watched.add({ node: new WeakRef(node), ...entry });
    this.timer ??= setInterval(() => this.look(), EVERY_MS);
  }

  look() {
    const ids = [];
    for (const entry of this.watched) {
      const node = entry.node.deref();
      if (node) ids.push(...this.changesOf(entry, node));
      else this.watched.delete(entry);
    }
    if (!this.watched.size) {
      clearInterval(this.timer);
      this.timer = null;
    }
    if (ids.length) this.changed(ids);
  }

  changesOf(entry, node) {
    this.findPlaces(entry, node);
    const before = entry.seen;
    const now = entry.places.map(({ id, hosts }) => [id, valuesOf(node, hosts, entry.names)]);
    entry.seen = new Map(now.map(([id, values]) => [id, this.marked(values)]));
    if (!before || (node.mode ?? 0) !== 0) return [];
    return now
      .filter(([id, values]) => values[this.switchName] && before.has(id))
      .map(([id]) => id)
      .filter((id) => before.get(id) !== entry.seen.get(id));
  }

  marked(values) {
    return JSON.stringify({ ...values, [this.switchName]: null });
  }

  /** A node that was removed, or whose workflow is in another tab, has no place. */
  findPlaces(entry, node) {
    const root = this.app.rootGraph ?? this.app.graph;
    const now = performance.now();
    const isDirect = node.graph === root;
    if (!isDirect && now - entry.placesAt < PLACES_EVERY_MS) return;
    entry.places = node.graph ? placesOf(root, node) : [];
    entry.placesAt = now;
  }
}

/** What will be run: a subgraph's widget that stands for the node's own has the say. */
function valuesOf(node, hosts, names) {
  const values = {};
  for (const each of [...hosts, node].reverse()) {
    for (const widget of each.widgets ?? []) {
      // a second editor's slider is shown by a subgraph with a number behind its name
      const isOurs = names.has(widget.name) || names.has(widget.name?.replace(/_\d+$/, ""));
      if (isOurs && typeof widget.value !== "object") values[widget.name] = widget.value;
    }
  }
  return values;
}
