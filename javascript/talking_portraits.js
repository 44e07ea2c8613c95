// Called by the web UI by this name after a picture was sent to the tab.
function switch_to_talking_portraits() {
    const found = (where) => Array.from(gradioApp().querySelectorAll(where))
        .find((button) => button.textContent.trim() === "Talking Portraits");
    // gradio 5 has the tabs one level deeper, with copies that do nothing, and hides what runs over.
    const button = found("#tabs > .tab-wrapper button[role=tab]")
        || found("#tabs > .tab-wrapper .overflow-dropdown button")
        || found("#tabs > .tab-nav > button, #tabs > div > button");
    if (button) {
        button.click();
    }
    return Array.from(arguments);
}
