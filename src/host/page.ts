/** The document inside a webview: a script and a style sheet of `dist`, and nothing else. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** Folders whose files a page may load. */
export function roots(extensionUri: vscode.Uri): vscode.Uri[] {
	return ['dist', 'media'].map((folder) => vscode.Uri.joinPath(extensionUri, folder));
}

/** `name`: of the script, and of the style sheet beside it. */
export function page(webview: vscode.Webview, extensionUri: vscode.Uri, name: string): string {
	const nonce = randomBytes(16).toString('base64');
	const source = (file: string) => webview.asWebviewUri(vscode.Uri.joinPath(extensionUri, 'dist', file)).toString();
	const policy = [
		`default-src 'none'`,
		`script-src 'nonce-${nonce}'`,
		`style-src ${webview.cspSource} 'nonce-${nonce}'`,
		`font-src ${webview.cspSource}`,
		`img-src ${webview.cspSource} data:`,
	].join('; ');
	return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta property="csp-nonce" content="${nonce}">
<link rel="stylesheet" href="${source(`${name}-style.css`)}">
<title>Neuralese</title>
</head>
<body>
<div id="app"></div>
<script nonce="${nonce}" src="${source(`${name}.js`)}"></script>
</body>
</html>`;
}
