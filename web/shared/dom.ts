/** The element with this id; the page's own HTML is at fault when it is missing or of another kind. */
export function byId<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

type Attributes = Readonly<Record<string, string | boolean>>;

/** A new element. Text is always set as text, never as markup; a false attribute is left out. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Writes only what changed, so that a reader's selection and a screen reader's place survive an update each second. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
