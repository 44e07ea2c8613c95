// Called by the web UI by this name after a picture was sent to the tab.
function switch_to_talking_portraits() {
    const app = gradioApp();
    const tab = app.querySelector("#tab_talking_portraits");
    const buttons = [...app.querySelectorAll("#tabs > .tab-nav > button, #tabs > div > button")];
    const tabs = [...app.querySelectorAll("#tabs > .tabitem")];
    // gradio 4 names the button. In gradio 3 it has its text, which a translation may have changed.
    const button = app.querySelector("#tab_talking_portraits-button")
        || buttons.find((each) => each.textContent.trim() === "Talking Portraits")
        || buttons[tabs.indexOf(tab)];
    if (button) {
        button.click();
    }
    return Array.from(arguments);
}
