// Stands in the head of each page: where Streamlit does not come, since its socket does not open, one sentence says why in
// place of its grey skeleton.

setTimeout(async () => {
  const isThere = () => document.querySelector("[data-test-connection-state=CONNECTED]");
  if (isThere()) return;
  const { silence } = await import(new URL(silenceScript, document.baseURI).href);
  const reason = await silence();
  if (isThere()) return;
  const alert = Object.assign(document.createElement("p"), { textContent: reason });
  alert.setAttribute("role", "alert");
  alert.style.cssText = `position: fixed; z-index: 1000000; inset: 0 0 auto; margin: 0; padding: 1rem 1.5rem; background: #8a3d00;
    color: #fff; font: 600 1rem/1.5 system-ui, sans-serif; text-align: center;`;
  document.body.append(alert);
  const looking = setInterval(() => {
    if (!isThere()) return;
    clearInterval(looking);
    alert.remove();
  }, 500);
}, 8000);
