// Stands in for @vscode/spdlog, a native module that would need a compiler. Log files, and with them the text of every output channel, go through it.
const fs = require('node:fs');
const path = require('node:path');

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];

class Logger {
	constructor(name, file) {
		this.file = file;
		this.level = LEVELS.indexOf('info');
		this.raw = false;
		fs.mkdirSync(path.dirname(file), { recursive: true });
		fs.appendFileSync(file, '');
	}

	log(level, message) {
		if (level >= this.level) {
			fs.appendFileSync(this.file, this.raw ? message : `${new Date().toISOString()} [${LEVELS[level]}] ${message}\n`);
		}
	}

	trace(message) { this.log(0, message); }
	debug(message) { this.log(1, message); }
	info(message) { this.log(2, message); }
	warn(message) { this.log(3, message); }
	error(message) { this.log(4, message); }
	critical(message) { this.log(5, message); }
	getLevel() { return this.level; }
	setLevel(level) { this.level = level; }
	setPattern() { this.raw = true; }
	clearFormatters() { this.raw = true; }
	flush() {}
	drop() {}
}

const create = async (name, file) => new Logger(name, file);

// One `exports.x =` each: VS Code imports this file as an ES module, whose names Node finds by reading the source.
exports.version = 1;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.shutdown = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = create;
exports.createAsyncRotatingLogger = create;
