/** Runs single nodes through the host's own prompt API while their values are being changed. */

import { withSources } from "./graph_places.js";

const SPACING_MS = 150;
const HISTORY_MS = 1000;
const REMEMBERED = 64;

/**
 * One run at a time. What is asked for meanwhile waits, and only its newest values are run.
 *
 * The whole graph is sent, so that the host keeps the results of all other nodes; which of them is
 * run is said beside it. Seeds before the node stay those of its last run: a portrait that came from
 * a sampler must not change because a slider was moved.
 */
export class LiveQueue {
  constructor(app, api) {
    this.app = app;
    this.api = api;
    this.wanted = new Set();
    this.running = null; // prompt id, "" while it is being sent, null when idle
    this.lastSent = -Infinity;
    this.timer = null;
    this.started = new Set();
    this.ended = new Set();
    this.own = new Set();
    this.early = []; // what was heard before we knew our run's id
    this.lastRuns = new Map(); // execution id -> prompt id of a run that was not ours
    this.prompts = new Map(); // prompt id -> its nodes
    this.failures = new Map(); // prompt id -> what its node said
    this.complaint = "";
    this.listen();
  }

  /** @param {string[]} ids execution ids of the nodes to run */
  request(ids) {
    for (const id of ids) this.wanted.add(id);
    this.schedule();
  }

  listen() {
    const on = (name, act) => this.api.addEventListener(name, ({ detail }) => act(detail ?? {}));
    for (const name of ["execution_success", "execution_interrupted"]) {
      on(name, ({ prompt_id }) => this.end(prompt_id));
    }
    on("execution_error", ({ prompt_id, exception_message }) => {
      this.failures.set(prompt_id, exception_message);
      forget(this.failures);
      this.end(prompt_id);
    });
    on("execution_start", ({ prompt_id }) => {
      this.started.add(prompt_id);
      forget(this.started);
    });
    on("executed", (detail) => {
      if (this.running === "") this.early.push(detail);
      else this.note(detail);
    });
    // where the connection was lost, or the host forgot what it was asked for
    on("reconnected", () => this.end(this.running));
    on("status", (detail) => {
      const left = (detail.status ?? detail).exec_info?.queue_remaining;
      const id = this.running;
      if (left === 0 && id) setTimeout(() => this.end(id), 500);
    });
  }

  note({ node, display_node, prompt_id }) {
    if (prompt_id && !this.own.has(prompt_id)) {
      this.lastRuns.set(String(display_node ?? node), prompt_id);
    }
  }

  schedule() {
    if (this.running !== null) {
      this.withdraw();
      return;
    }
    const wait = this.lastSent + SPACING_MS - performance.now();
    this.timer ??= setTimeout(() => {
      this.timer = null;
      void this.send();
    }, Math.max(0, wait));
  }

  /** Takes back a run that still waits behind others: its values are old. */
  withdraw() {
    const id = this.running;
    if (!id || this.started.has(id) || performance.now() - this.lastSent < SPACING_MS) return;
    this.api
      .deleteItem("queue", id)
      .then(() => (this.started.has(id) ? null : this.end(id)))
      .catch(() => null);
  }

  async send() {
    const ids = [...this.wanted];
    this.wanted.clear();
    this.running = "";
    this.lastSent = performance.now();
    let prompt = null;
    try {
      prompt = await this.app.graphToPrompt();
      const targets = ids.filter((id) => prompt.output[id]); // muted ones are not there
      if (!targets.length) return this.idle();
      await this.keepSeeds(prompt.output, targets);
      const answer = await this.api.queuePrompt(-1, prompt, { partialExecutionTargets: targets });
      this.own.add(answer.prompt_id);
      forget(this.own);
      this.running = answer.prompt_id;
      for (const detail of this.early.splice(0)) this.note(detail);
      if (this.ended.has(answer.prompt_id)) this.end(answer.prompt_id);
    } catch (error) {
      this.complain(error, prompt?.output ?? {});
      for (const detail of this.early.splice(0)) this.note(detail);
      this.idle();
    }
  }

  end(id) {
    if (!id) return;
    this.ended.add(id);
    forget(this.ended);
    if (id !== this.running) return;
    // not every frontend shows what went wrong in a run that its own button did not start
    if (this.failures.has(id)) this.say(this.failures.get(id));
    else this.complaint = "";
    // Dozens of previews would bury the runs that people want to find in their history. The host
    // writes it a moment after it says that a run has ended.
    setTimeout(() => this.api.deleteItem("history", id).catch(() => null), HISTORY_MS);
    this.idle();
  }

  idle() {
    if (this.running === null) return;
    this.running = null;
    if (this.wanted.size) this.schedule();
  }

  async keepSeeds(output, targets) {
    for (const target of targets) {
      const before = await this.lastPrompt(target);
      if (!before) continue;
      for (const id of withSources(output, [target])) {
        if (before[id]?.class_type !== output[id].class_type) continue;
        for (const [name, value] of Object.entries(output[id].inputs)) {
          const old = before[id].inputs?.[name];
          if (/seed$/i.test(name) && typeof value === "number" && typeof old === "number") {
            output[id].inputs[name] = old;
          }
        }
      }
    }
  }

  /** The nodes of the last run of a node that somebody else asked for. */
  async lastPrompt(id) {
    const promptId = this.lastRuns.get(id);
    if (!promptId) return null;
    if (!this.prompts.has(promptId)) {
      try {
        const answer = await this.api.fetchApi(`/history/${promptId}`);
        const found = (await answer.json())[promptId];
        if (!found) return null; // it is still running
        this.prompts.set(promptId, found.prompt[2]);
        forget(this.prompts, 4);
      } catch {
        return null;
      }
    }
    return this.prompts.get(promptId);
  }

  complain(error, output) {
    const problems = Object.entries(error?.response?.node_errors ?? {}).flatMap(([id, node]) => {
      const title = output[id]?._meta?.title ?? node.class_type;
      return (node.errors ?? []).map((each) => `${title}: ${each.message}: ${each.details ?? ""}`);
    });
    console.warn("Talking Portraits: no live preview.", error);
    this.say(problems.join("\n") || String(error?.message ?? error));
  }

  /** Once, until a run succeeds or says something else. */
  say(text) {
    if (text === this.complaint) return;
    this.complaint = text;
    this.app.extensionManager?.toast?.add({
      severity: "warn",
      summary: "Live preview",
      detail: text,
      life: 6000,
    });
  }
}

function forget(items, most = REMEMBERED) {
  while (items.size > most) items.delete(items.keys().next().value);
}
