import { Empty } from "/ui.js";
import { html } from "/view.js";

export default function Alarms() {
    return html`<${Empty} title="Not built yet">The page Alarms has not landed.<//>`;
}
