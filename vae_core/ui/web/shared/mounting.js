// What Streamlit calls: one thing on the page per parent element, however often it calls.

/**
 * The `mount` of an entry. `build` resolves to { update(component), stop() }; Streamlit calls mount at the start and
 * again on each change of data or theme.
 */
export function mounting(build) {
  const mounted = new WeakMap();
  return (component) => {
    const { parentElement } = component;
    if (!mounted.has(parentElement)) mounted.set(parentElement, build(component));
    const thing = mounted.get(parentElement);
    thing.then(({ update }) => update(component));
    // Streamlit also calls this when one update overtakes another; the thing ends when it has left the page.
    return () => setTimeout(() => {
      if (parentElement.isConnected) return;
      mounted.delete(parentElement);
      thing.then(({ stop }) => stop());
    });
  };
}
