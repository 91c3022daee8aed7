import { Empty } from "/ui.js";
import { html } from "/view.js";

export default function Agents() {
    return html`<${Empty} title="Not built yet">The page Agents has not landed.<//>`;
}
