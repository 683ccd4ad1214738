// Search, and the keys: / searches, ← and → go along the reading order.

const query = document.querySelector("nav.book input"), results = document.getElementById("found");

// Names that begin so first, then those that hold it, then sentences that do.
function found(words) {
  const wanted = words.toLowerCase(), rank = ([name, , , sentence]) => {
    const last = name.toLowerCase().split(".").pop(), at = name.toLowerCase().indexOf(wanted);
    if (last === wanted) return 0;
    if (last.startsWith(wanted)) return 1;
    if (at >= 0) return 2;
    return sentence.toLowerCase().includes(wanted) ? 3 : 9;
  };
  return data.map((entry) => [rank(entry), entry]).filter(([place]) => place < 9).sort((a, b) => a[0] - b[0]).slice(0, 40).map(([, entry]) => entry);
}

function show(words) {
  if (words.length < 2) return results.replaceChildren();
  const entries = found(words);
  results.replaceChildren(element("h2", {}, entries.length ? "Found" : `Nothing is called “${words}”`), element("ol", {}, ...entries.map(
    ([name, where, address, sentence]) => element("li", {}, element("a", { href: address }, element("code", {}, name)), " ",
      element("span", { class: "quiet" }, [where, sentence].filter(Boolean).join(" · "))),
  )));
}

// On the contents page one sees what is found while one types; every other page sends there.
query.form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!results) location.href = `index.html#search=${encodeURIComponent(query.value)}`;
  else results.querySelector("a")?.click();
});
if (results) {
  query.addEventListener("input", () => show(query.value.trim()));
  const follow = () => {
    const asked = /^#search=(.*)/.exec(location.hash);
    if (asked) show(query.value = decodeURIComponent(asked[1]));
  };
  addEventListener("hashchange", follow);
  follow();
}

addEventListener("keydown", (event) => {
  if (event.target === query || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); query.focus(); }
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (way && event.target.scrollWidth <= event.target.clientWidth) document.querySelector(`a[rel="${way}"]`)?.click();
});
