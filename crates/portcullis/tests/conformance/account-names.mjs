// Gives the things of one server the names that they have on the account's URL, and takes these off again in answers, so that the
// suite can call the fixture's tools there by the fixture's own names. Whole messages only: the fixture's are small.

const named = new Set(["tools/call", "prompts/get"]);

/** Both directions for a server's slug. */
export const accountNames = (slug) => {
  const name = (own) => `${slug}__${own}`;
  const uri = (own) => `srv.${slug}+${own}`;
  const change = (object, key, to) => {
    if (typeof object?.[key] === "string") object[key] = to(object[key]);
  };

  const request = (body) => {
    let message;
    try {
      message = JSON.parse(body);
    } catch {
      return body;
    }
    const { method, params } = message;
    if (named.has(method)) change(params, "name", name);
    if (method?.startsWith("resources/")) change(params, "uri", uri);
    change(params?.ref, "name", name);
    change(params?.ref, "uri", uri);
    return JSON.stringify(message);
  };

  const header = (method, value) => {
    if (named.has(method)) return name(value);
    return method?.startsWith("resources/") ? uri(value) : value;
  };

  const answer = (text) => text.replaceAll(`${slug}__`, "").replaceAll(`srv.${slug}+`, "");
  return { request, header, answer };
};
