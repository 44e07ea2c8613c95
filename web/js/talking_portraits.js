/**
 * Talking Portraits in ComfyUI's frontend: editors whose picture follows their sliders.
 *
 * Plain widgets and the host's own prompt API; no route of ours, no canvas drawing. So it is the
 * same in the classic canvas, with Vue nodes, and inside of subgraphs.
 */

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { LiveQueue } from "./live_queue.js";
import { SliderWatch } from "./slider_watch.js";
import { word } from "./words.js";

const NAME = "TalkingPortraits.Editors";
const EDITORS = new Set(["TalkingPortraitsEditExpression", "TalkingPortraitsExpressionEditor"]);
const SWITCH = "live_preview";
const RESET = "reset sliders";
const WIDTH = 500; // long sliders are fine sliders
const PICTURE_HEIGHT = 400;

/** Of each editor: its inputs with widgets, and its sliders' values that leave the face alone. */
const known = new Map();

function resetSliders(node) {
  const { neutral } = known.get(node.comfyClass);
  for (const widget of node.widgets ?? []) {
    if (!neutral.has(widget.name) || widget.value === neutral.get(widget.name)) continue;
    widget.value = neutral.get(widget.name);
    widget.callback?.(widget.value, app.canvas, node);
  }
  node.setDirtyCanvas?.(true, true);
}

/** Room for the picture below the sliders when the first one comes, in nodes that are new. */
function makeRoom(node) {
  let hasRoom = false;
  chain(node, "onConfigure", () => (hasRoom = true)); // saved nodes are as people made them
  chain(node, "onExecuted", () => {
    if (hasRoom || !node.computeSize) return;
    hasRoom = true;
    const [width, height] = node.computeSize();
    const wanted = height + PICTURE_HEIGHT;
    if (node.size[1] < wanted) node.setSize([Math.max(node.size[0], width), wanted]);
  });
}

function chain(node, name, act) {
  const before = node[name];
  node[name] = function (...args) {
    const answer = before?.apply(this, args);
    act();
    return answer;
  };
}

function register() {
  const queue = new LiveQueue(app, api);
  const watch = new SliderWatch(app, SWITCH, (ids) => queue.request(ids));
  app.registerExtension({
    name: NAME,

    beforeRegisterNodeDef(nodeType, nodeData) {
      if (!EDITORS.has(nodeData.name)) return;
      const neutral = new Map();
      const required = Object.entries(nodeData.input?.required ?? {});
      for (const [name, spec] of required) {
        if (spec[1]?.display === "slider") neutral.set(name, spec[1].default);
      }
      known.set(nodeData.name, { names: new Set(required.map(([name]) => name)), neutral });
    },

    nodeCreated(node) {
      if (!known.has(node.comfyClass)) return;
      // The last widget, and not saved: values in workflows keep their places.
      const button = node.addWidget("button", RESET, null, () => resetSliders(node), {
        serialize: false,
      });
      button.serialize = false;
      button.label = word(RESET);
      node.setSize?.([Math.max(node.size[0], WIDTH), node.size[1]]);
      makeRoom(node);
      watch.add(node, known.get(node.comfyClass).names);
    },
  });
}

// A folder of another name than the project's is served under both: once is enough.
if (!app.extensions?.some((extension) => extension.name === NAME)) register();
