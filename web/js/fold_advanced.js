/**
 * Our nodes show what beginners need; the rest is folded away behind a button.
 *
 * Vue nodes fold inputs that are marked "advanced" by themselves. In the classic canvas the mark
 * has to be put on the widget, and a button says that there is more.
 */

import { app } from "../../../scripts/app.js";
import { word } from "./words.js";

const NAME = "TalkingPortraits.FoldAdvanced";
const PREFIX = "TalkingPortraits";
const MORE = "show advanced";
const LESS = "hide advanced";
const ROW = 20; // height of a widget in the classic canvas
const NO_ROW = -4; // takes the gap between rows back as well

/** Names of the advanced inputs of each of our nodes. */
const advanced = new Map();

function addButton(node) {
  // Vue nodes have a button of their own, so they are told to leave this one out.
  const toggle = () => {
    node.toggleAdvanced?.();
    fit(node);
  };
  const [more, less] = [word(MORE), word(LESS)];
  const button = node.addWidget("button", MORE, null, toggle, {
    serialize: false,
    canvasOnly: true,
  });
  button.serialize = false;
  button.label = more;
  const draw = button.drawWidget;
  button.drawWidget = function (...args) {
    this.label = node.showAdvanced ? less : more; // also after the menu's own entry was used
    return draw?.apply(this, args);
  };
}

/** As high as what it shows, and never narrower than it was. */
function fit(node) {
  const [width, height] = node.computeSize?.() ?? node.size;
  node.setSize?.([Math.max(width, node.size[0]), height]);
  node.setDirtyCanvas?.(true, true);
}

function fold(node) {
  const names = advanced.get(node.comfyClass);
  for (const widget of node.widgets ?? []) {
    if (!names.has(widget.name)) continue;
    widget.advanced = true;
    // The canvas leaves folded widgets out, but not the room for them.
    widget.computeSize = (width) => [width ?? 0, node.showAdvanced ? ROW : NO_ROW];
  }
  addButton(node);
  fit(node);
}

// A folder of another name than the project's is served under both: once is enough.
if (!app.extensions?.some((extension) => extension.name === NAME)) {
  app.registerExtension({
    name: NAME,

    beforeRegisterNodeDef(nodeType, nodeData) {
      if (!nodeData.name.startsWith(PREFIX)) return;
      const inputs = { ...nodeData.input?.required, ...nodeData.input?.optional };
      const names = Object.keys(inputs).filter((name) => inputs[name]?.[1]?.advanced);
      if (names.length) advanced.set(nodeData.name, new Set(names));
    },

    nodeCreated(node) {
      if (advanced.has(node.comfyClass)) fold(node);
    },
  });
}
