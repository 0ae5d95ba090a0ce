// What a key or value means, under the pointer: from the language's schema, or from the tool it names.

import { placeAt } from "../json/place.js";
import { kit } from "./kit.js";
import { aboutPath } from "./schema.js";

const line = (className, text) => {
  const node = document.createElement("p");
  node.className = className;
  node.textContent = text;
  return node;
};

const wordsOf = (about) => {
  const values = about.values.map(({ value, about: meaning }) => `${JSON.stringify(value)}${meaning ? `: ${meaning}` : ""}`);
  return [
    about.title && ["wb-hover-title", about.title],
    about.description && ["", about.description],
    values.length > 0 && ["wb-hover-values", values.join("\n")],
    about.default !== undefined && ["wb-hover-values", `Default: ${JSON.stringify(about.default)}`],
  ].filter(Boolean);
};

const toolWords = (tool) => [
  ["wb-hover-title", `${tool.name} · ${tool.class}`],
  ["", tool.description || tool.title || "A tool of this server."],
];

/** The lines about the place of an offset: `[[class, text]]`. */
export const aboutPlace = (text, offset, schema, tools) => {
  const place = placeAt(text, offset);
  if (place.from === place.to) return undefined;
  const written = text.slice(place.from, place.to).replace(/^"|"$/g, "");
  const path = place.kind === "key" ? [...place.path, written] : place.path;
  const tool = tools.find(({ name }) => name === written);
  if (tool && (["tools", "hide"].includes(path[0]) ? path.length === 2 : path.at(-1) === "tool")) return toolWords(tool);
  const about = schema && aboutPath(schema, path);
  return about && wordsOf(about);
};

/** Shows it; also for the keyboard, through the completion's own descriptions. */
export const hover = (schema, tools) =>
  kit.hoverTooltip(async (view, pos) => {
    const { doc } = view.state;
    const lines = aboutPlace(doc.toString(), Math.min(pos + 1, doc.length), await schema(), tools);
    if (!lines) return null;
    return {
      pos,
      above: true,
      create: () => {
        const dom = document.createElement("div");
        dom.className = "wb-hover";
        dom.append(...lines.map(([name, text]) => line(name, text)));
        return { dom };
      },
    };
  });
