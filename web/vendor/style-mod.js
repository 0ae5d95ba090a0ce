// Stands in for `style-mod`, through which CodeMirror brings its style sheets: ours adopts them as constructed sheets, so that
// `style-src 'self'` needs no nonce and no exception. In a document the original makes a <style> element, which the policy refuses.

import { StyleModule as Original } from "style-mod";

const adopted = new WeakMap();

const adopt = (root) => {
  let here = adopted.get(root);
  if (here) return here;
  here = { sheet: new (root.defaultView ?? root.ownerDocument.defaultView).CSSStyleSheet(), modules: [] };
  root.adoptedStyleSheets = [here.sheet, ...root.adoptedStyleSheets];
  adopted.set(root, here);
  return here;
};

export class StyleModule extends Original {
  // Later modules are stronger. Those mounted before and not named now stay, weaker than the named ones.
  static mount(root, modules) {
    const here = adopt(root);
    const named = [modules].flat();
    const order = [...here.modules.filter((module) => !named.includes(module)), ...named];
    if (order.length === here.modules.length && order.every((module, index) => module === here.modules[index])) return;
    here.modules = order;
    here.sheet.replaceSync(order.map((module) => module.getRules()).join("\n"));
  }
}
