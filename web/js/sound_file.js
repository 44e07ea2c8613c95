/**
 * Load Sound gets the player and the upload button of ComfyUI's own Load Audio.
 *
 * The frontend adds its upload button to any node whose widget "audio" asks for it, but the player,
 * which the button needs, to a list of its own nodes alone. So both are asked for here, in the
 * order in which they must be made; without this file the node still has its list.
 */

import { app } from "../../../scripts/app.js";

const NAME = "TalkingPortraits.SoundFile";

// A folder of another name than the project's is served under both: once is enough.
if (!app.extensions?.some((extension) => extension.name === NAME)) {
  app.registerExtension({
    name: NAME,
    beforeRegisterNodeDef(nodeType, nodeData) {
      if (nodeData.name !== "TalkingPortraitsLoadSound") return;
      const { audio, audioUI, upload, ...others } = nodeData.input.required;
      const [files, facts] = audio;
      nodeData.input.required = {
        audio: [files, { ...facts, audio_upload: true }],
        audioUI: ["AUDIO_UI", {}],
        upload: ["AUDIOUPLOAD", {}],
        ...others,
      };
    },
  });
}
