// Asks for the page's main part every few seconds and puts it in place. Without this script the page is the same, only still.
(function () {
  "use strict";
  var EVERY_MS = 5000;
  var main = document.getElementById("main");
  var live = document.getElementById("live");
  var address = main && main.dataset.refresh;
  if (!address || !window.fetch) return;
  var last = null;

  function show(working) {
    var words = working ? live.dataset.live : live.dataset.stopped;
    if (live.textContent !== words) live.textContent = words;
    live.classList.toggle("stopped", !working);
    live.hidden = false;
  }

  function replace(html) {
    if (html === last) return;
    last = html;
    // What the reader opened stays open, and the keyboard stays where it was.
    var open = Array.from(main.querySelectorAll("details[open]"), function (element) { return element.id; });
    var active = document.activeElement;
    var inside = active && main.contains(active);
    var owner = inside ? active.closest("[id]") : null;
    var place = owner && owner !== main ? [owner.id, Array.from(owner.querySelectorAll("a,summary")).indexOf(active)] : null;
    var parsed = new DOMParser().parseFromString(html, "text/html");
    main.replaceChildren.apply(main, Array.from(parsed.body.childNodes));
    open.forEach(function (id) {
      var element = document.getElementById(id);
      if (element) element.open = true;
    });
    var again = place && document.getElementById(place[0]);
    var focus = again && again.querySelectorAll("a,summary")[place[1]];
    if (focus) focus.focus({ preventScroll: true });
  }

  function refresh() {
    if (document.hidden) return;
    fetch(address, { headers: { accept: "text/html" }, cache: "no-store" })
      .then(function (answer) {
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.text();
      })
      .then(function (html) { replace(html); show(true); })
      .catch(function () { show(false); });
  }

  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
  show(true);
})();
