import { Empty } from "/ui.js";
import { html } from "/view.js";

export default function Dispatch() {
    return html`<${Empty} title="Not built yet">The page Dispatch has not landed.<//>`;
}
