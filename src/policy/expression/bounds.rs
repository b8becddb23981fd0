//! What can be told of an expression before it is asked.

use std::thread;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::{ParseErrors, Program};

use super::{InvalidExpression, WHO};

/// An expression has at most so many characters.
const MAX_TEXT: usize = 1_024;
/// So many brackets within each other, and so many operators or questions one after another.
const MAX_DEPTH: usize = 16;

/// An expression is so many levels deep when it was read. Evaluating one is done on whichever thread asks; in a debug
/// build 1 MiB of stack was enough for 24 levels and not for 32.
const MAX_LEVELS: usize = 16;
/// Reading one needs a stack that not every thread has: in a debug build 1 MiB was not enough for 8 brackets.
const STACK: usize = 32 << 20;

/// What there is beside who asks.
const VARIABLES: [&str; 4] = ["kind", "name", "method", "args"];

const FUNCTIONS: [&str; 12] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "type",
    "min",
    "max",
];

/// Names of types, for `type(args.n) == int`.
const TYPES: [&str; 8] = ["bool", "int", "uint", "double", "string", "list", "map", "null_type"];

/// These give a truth value.
const TRUTHS: [&str; 14] = [
    "_&&_",
    "_||_",
    "!_",
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "@in",
    "contains",
    "startsWith",
    "endsWith",
    "bool",
];

/// And these another.
const OTHERS: [&str; 9] = ["_+_", "_-_", "_*_", "_/_", "_%_", "-_", "_[_]", "_?_:_", "@not_strictly_false"];

fn invalid(what: impl Into<String>, line: usize, column: usize) -> InvalidExpression {
    InvalidExpression { what: what.into(), line, column }
}

/// Of the text: the parser goes as deep as the text does.
pub(super) fn text(text: &str) -> Result<(), InvalidExpression> {
    if text.chars().count() > MAX_TEXT {
        return Err(invalid(format!("an expression has at most {MAX_TEXT} characters"), 1, 1));
    }
    let (mut depth, mut row, mut signs, mut line, mut column) = (0_usize, 0, 0, 1, 1);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '?' => row += 1,
            _ => {}
        }
        signs = match c {
            '!' | '-' => signs + 1,
            ' ' | '\t' | '\n' | '\r' => signs,
            _ => 0,
        };
        if depth.max(row).max(signs) > MAX_DEPTH {
            let what = format!("more than {MAX_DEPTH} brackets, `?` or signs within each other; simplify it");
            return Err(invalid(what, line, column));
        }
        (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    Ok(())
}

/// As the parser reads it.
pub(super) fn compiled(text: &str) -> Result<Program, InvalidExpression> {
    let own = text.to_owned();
    let reading = thread::Builder::new().stack_size(STACK).spawn(move || Program::compile(&own));
    match reading.map(thread::JoinHandle::join) {
        Ok(Ok(read)) => read.map_err(|errors| first(&errors)),
        Ok(Err(_)) | Err(_) => Err(invalid("it cannot be read", 1, 1)),
    }
}

/// The first that the parser found.
fn first(errors: &ParseErrors) -> InvalidExpression {
    let Some(error) = errors.errors.first() else { return invalid("it cannot be read", 1, 1) };
    let place = |at: isize| usize::try_from(at).unwrap_or_default().max(1);
    let what = error.msg.lines().next().unwrap_or_default();
    invalid(format!("it cannot be read: {what}"), place(error.pos.0), place(error.pos.1))
}

pub(super) fn program(program: &Program) -> Result<(), InvalidExpression> {
    let mut walk = Walk { program, bound: Vec::new(), level: 0 };
    let root = program.expression();
    walk.expression(root)?;
    match walk.is_truth(root) {
        false => Err(walk.wrong(root.id, "it is not true or false")),
        true => Ok(()),
    }
}

struct Walk<'p> {
    program: &'p Program,
    /// What the `all`, `map` … around a place calls its elements.
    bound: Vec<&'p str>,
    level: usize,
}

impl<'p> Walk<'p> {
    fn wrong(&self, id: u64, what: impl Into<String>) -> InvalidExpression {
        let source = self.program.source_info();
        let start = source.offset_for(id).map_or(0, |(start, _)| start as usize);
        let before: Vec<char> = source.source.chars().take(start).collect();
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        invalid(what, line, column)
    }

    fn all<'e: 'p>(&mut self, of: impl IntoIterator<Item = &'e IdedExpr>) -> Result<(), InvalidExpression> {
        of.into_iter().try_for_each(|expression| self.expression(expression))
    }

    fn expression(&mut self, at: &'p IdedExpr) -> Result<(), InvalidExpression> {
        self.level += 1;
        if self.level > MAX_LEVELS {
            let what = format!("more than {MAX_LEVELS} operators one upon another; simplify it");
            return Err(self.wrong(at.id, what));
        }
        self.part(at)?;
        self.level -= 1;
        Ok(())
    }

    fn part(&mut self, at: &'p IdedExpr) -> Result<(), InvalidExpression> {
        match &at.expr {
            Expr::Ident(name) => self.variable(at.id, name),
            Expr::Call(call) => self.call(at.id, call),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::List(list) => self.all(&list.elements),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => self.all([&entry.key, &entry.value]),
                EntryExpr::StructField(_) => Err(self.wrong(entry.id, "there are no types of messages")),
            }),
            Expr::Comprehension(of) => {
                self.expression(&of.iter_range)?;
                if !self.bound.is_empty() {
                    let what = "an `all`, `exists`, `map` or `filter` stands inside of another";
                    return Err(self.wrong(at.id, what));
                }
                self.bound.extend([of.iter_var.as_str(), of.accu_var.as_str()]);
                self.bound.extend(of.iter_var2.as_deref());
                let inner = [&of.accu_init, &of.loop_cond, &of.loop_step, &of.result];
                let inner = self.all(inner);
                self.bound.clear();
                inner
            }
            Expr::Literal(_) => Ok(()),
            _ => Err(self.wrong(at.id, "this is not known here")),
        }
    }

    fn variable(&self, id: u64, name: &str) -> Result<(), InvalidExpression> {
        let is_who = WHO.iter().any(|(who, _)| *who == name);
        let is_known =
            is_who || [&VARIABLES[..], &TYPES, &self.bound].iter().any(|names| names.contains(&name));
        if is_known { Ok(()) } else { Err(self.wrong(id, format!("there is no variable {name:?}"))) }
    }

    fn call(&mut self, id: u64, call: &'p CallExpr) -> Result<(), InvalidExpression> {
        let name = call.func_name.as_str();
        if !(FUNCTIONS.contains(&name) || TRUTHS.contains(&name) || OTHERS.contains(&name)) {
            return Err(self.wrong(id, format!("there is no function {name:?}")));
        }
        self.all(call.target.as_deref())?;
        self.all(&call.args)
    }

    /// Whether it can be one.
    fn is_truth(&self, at: &IdedExpr) -> bool {
        match &at.expr {
            Expr::Literal(literal) => matches!(literal, LiteralValue::Boolean(_)),
            Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
                ("_?_:_", [_, yes, no]) => self.is_truth(yes) && self.is_truth(no),
                ("_[_]", _) => true,
                (name, _) => TRUTHS.contains(&name),
            },
            Expr::Ident(_) | Expr::List(_) | Expr::Map(_) => false,
            Expr::Comprehension(of) => !matches!(of.accu_init.expr, Expr::List(_)),
            _ => true,
        }
    }
}
