// What Streamlit calls: one thing on the page per parent element, however often it calls.

/**
 * @typedef {Object} Component What Streamlit gives.
 * @property {HTMLElement | ShadowRoot} parentElement
 * @property {any} data of the Python side
 * @property {(name: string, value: unknown) => void} setStateValue
 * @property {(name: string, value: unknown) => void} setTriggerValue
 */

/** @typedef {{ update: (component: Component) => void, stop: () => void }} Mounted */

/**
 * The `mount` of an entry: Streamlit calls it at the start and again on each change of data or theme.
 *
 * @param {(component: Component) => Promise<Mounted>} build
 */
export function mounting(build) {
  /** @type {WeakMap<HTMLElement | ShadowRoot, Promise<Mounted>>} */
  const mounted = new WeakMap();
  /** @param {Component} component */
  return (component) => {
    const { parentElement } = component;
    const thing = mounted.get(parentElement) ?? build(component);
    mounted.set(parentElement, thing);
    thing.then(({ update }) => update(component));
    // Streamlit also calls this when one update overtakes another; the thing ends when it has left the page.
    return () => setTimeout(() => {
      if (parentElement.isConnected) return;
      mounted.delete(parentElement);
      thing.then(({ stop }) => stop());
    });
  };
}
