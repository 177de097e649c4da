// What pages do better with a script: count, keep times right, act in place. Without
// it, the same links and forms lead to pages.

"use strict";

// Characters as the server counts them: code points after NFC, a line end is one.
const normal = (text) => text.replace(/\r\n|[\r\u2028\u2029]/g, "\n").normalize("NFC");

function compose(form) {
  const area = form.querySelector("textarea");
  const [output, spoken] = [form.querySelector("output"), form.querySelector("[aria-live]")];
  const [grow, mirror] = [form.querySelector(".grow"), form.querySelector(".mirror")];
  const maximum = Number(form.dataset.maximum);
  let announce;

  function count() {
    const points = [...normal(area.value)];
    const left = maximum - points.length;
    const words = left < 0 ? form.dataset.over : form.dataset.left;
    output.textContent = words.replace("${count}", Math.abs(left));
    output.classList.toggle("over", left < 0);
    const beyond = document.createElement("mark");
    beyond.textContent = points.slice(maximum).join("");
    mirror.replaceChildren(points.slice(0, maximum).join(""), beyond, "\n");
    clearTimeout(announce);
    // Spoken after a pause, and only when it matters.
    announce = setTimeout(() => {
      spoken.textContent = left <= 20 ? output.textContent : "";
    }, 800);
  }

  grow.classList.add("live");
  area.addEventListener("input", count);
  count();
}

// A second click on the button of a form that is on its way does nothing.
function sendOnce(event) {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
}

function sendAgain() {
  // The page has come back from the browser's memory.
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
}

function keepTimes() {
  const words = document.body.dataset;
  for (const time of document.querySelectorAll("time.dt-published")) {
    const moment = new Date(time.dateTime);
    const minutes = Math.max(0, Math.floor((Date.now() - moment) / 60000));
    time.title = moment.toLocaleString(document.documentElement.lang);
    if (minutes >= 7 * 1440) continue;
    if (minutes < 1) time.textContent = words.now;
    else if (minutes < 60) time.textContent = words.minutes.replace("${count}", minutes);
    else if (minutes < 1440) time.textContent = words.hours.replace("${count}", Math.floor(minutes / 60));
    else time.textContent = words.days.replace("${count}", Math.floor(minutes / 1440));
  }
}

// "Delete" asks in its micropost; where it stands alone, its link leads to a page.
async function deleteInPlace(event) {
  const link = event.target.closest("a[data-delete]");
  const item = link?.closest("#microposts > li");
  if (!item || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (item.querySelector(".confirm")) return;
  const page = await fetch(link.href);
  const form = new DOMParser().parseFromString(await page.text(), "text/html").querySelector(".confirm");
  if (!page.ok || !form) {
    location = link.href;
    return;
  }
  item.querySelector("article").append(form);
  form.querySelector(".quiet").addEventListener("click", (click) => {
    click.preventDefault();
    form.remove();
    link.focus();
  });
  form.setAttribute("hx-post", form.getAttribute("action"));
  form.setAttribute("hx-swap", "none");
  form.addEventListener("htmx:afterRequest", (answer) => {
    if (!answer.detail.successful) return;
    const next = item.nextElementSibling?.querySelector("a") || document.getElementById("main");
    item.remove();
    next.focus();
  });
  htmx.process(form);
  form.querySelector("button").focus();
}

function tell(words) {
  document.getElementById("status").textContent = words;
}

document.addEventListener("submit", sendOnce);
document.addEventListener("click", deleteInPlace);
addEventListener("pageshow", sendAgain);
for (const form of document.querySelectorAll("form.composer")) compose(form);
keepTimes();
setInterval(keepTimes, 30000);
document.addEventListener("htmx:afterSwap", keepTimes);
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, (event) => {
    if (event.detail.elt.id !== "newer") tell(document.body.dataset.failed);
  });
}
// What a page has said once is not said again when it is loaded again.
const address = new URL(location);
if (address.searchParams.has("said")) {
  address.searchParams.delete("said");
  history.replaceState(history.state, "", address);
}
