// The licences of what dist/ holds of other packages, and of what is packaged beside it: most of them ask to be passed on with every copy.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Packaged as they are: each with a file of its code. */
const BESIDE = ['node_modules/onnxruntime-node/dist/index.js', 'node_modules/onnxruntime-common/dist/cjs/index.js'];
const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const LICENSE_FILE = /(licen[cs]e|copying|notice)/i;
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** `inputs`: paths of what was bundled, as esbuild's metafiles name them. Fails where a package says nothing of its licence. */
export function notices(inputs) {
	const byPackage = {};
	for (const path of new Set([...BESIDE, ...inputs])) {
		const [folder] = PACKAGE.exec(path) ?? [];
		if (folder !== undefined) {
			(byPackage[folder] ??= []).push(path);
		}
	}
	const entries = Object.keys(byPackage).sort().map((folder) => notice(folder, byPackage[folder]));
	return `Neuralese Inspector contains the packages below or parts of them, each under its own licence.\n\n${entries.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

function notice(folder, files) {
	const { name, version, license, author, homepage, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
	const own = readdirSync(folder).filter((file) => LICENSE_FILE.test(file)).sort();
	const texts = own.length > 0 ? own.map((file) => readFileSync(join(folder, file), 'utf8').trim()) : written(license, author?.name ?? author, files);
	if (texts.length === 0) {
		throw new Error(`${folder} holds no text of its licence, ${license}: add it to notices.mjs.`);
	}
	return `${name} ${version}, ${license}\n${homepage ?? repository?.url ?? repository ?? ''}\n\n${texts.join('\n\n')}\n`;
}

/** Of a package without a file of its licence: what its sources say, and the text that they name. */
function written(license, author, files) {
	const heads = files.map((file) => /^\s*((?:\/\/[^\n]*\n)+|\/\*[\s\S]*?\*\/)/.exec(readFileSync(file, 'utf8').replace(/^"use strict";/, ''))?.[1] ?? '');
	const said = [...new Set(heads.filter((head) => /copyright/i.test(head)).map((head) => head.replace(/^\s*(\/\/|\/\*+|\*\/|\*) ?/gm, '').trim()))];
	const holder = said.length > 0 ? said : author ? [`Copyright (c) ${author}`] : [];
	return license === 'MIT' ? [...holder, MIT] : [...holder, ...(/Apache-2\.0/.test(license) && said.length > 0 ? ['The text of the Apache License 2.0 stands with @huggingface/tokenizers.'] : [])];
}
