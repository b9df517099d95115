// Small comforts; every page works without them.

function closeOnOutsideClickOrEscape() {
  const open = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    open().forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open"));
    const results = document.getElementById("search-results");
    if (results && !event.target.closest(".search")) results.replaceChildren();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open().forEach((menu) => {
      menu.removeAttribute("open");
      menu.querySelector("summary").focus();
    });
    document.getElementById("search-results")?.replaceChildren();
  });
}

// Instants are written in UTC by the server and shown in the reader's own time zone.
function showLocalTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  root.querySelectorAll("time[datetime*='T']").forEach((time) => {
    time.title = time.title || time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  });
}

function acceptDroppedFiles(drop) {
  const input = drop.querySelector("input[type=file]");
  const mark = (on) => (event) => {
    event.preventDefault();
    drop.classList.toggle("is-over", on);
  };
  drop.addEventListener("dragover", mark(true));
  drop.addEventListener("dragleave", mark(false));
  drop.addEventListener("drop", (event) => {
    mark(false)(event);
    input.files = event.dataTransfer.files;
    drop.closest("form").requestSubmit();
  });
}

closeOnOutsideClickOrEscape();
showLocalTimes(document);
// On narrow screens the navigation is a row that scrolls.
document.querySelector(".nav-main [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.querySelectorAll("[data-drop]").forEach(acceptDroppedFiles);
document.addEventListener("htmx:after:swap", () => showLocalTimes(document));
