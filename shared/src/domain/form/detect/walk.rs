//! The nodes of a piece of the tree, in the order of the source.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt};

#[cfg(test)]
thread_local! {
    /// The nodes that were visited on this thread.
    pub(super) static VISITED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A statement or an expression.
#[derive(Clone, Copy)]
pub(in crate::domain::form) enum Node<'a> {
    Stmt(&'a Stmt),
    Expr(&'a Expr),
}

/// All nodes of some code, each before those inside it.
///
/// What is still to visit is kept in a list. An expression may be thousands of levels deep, and
/// recursion would take stack for each.
pub(in crate::domain::form) struct Walk<'a> {
    pending: Vec<Node<'a>>,
}

impl<'a> Walk<'a> {
    pub(super) fn of(nodes: impl DoubleEndedIterator<Item = Node<'a>>) -> Self {
        Self { pending: nodes.rev().collect() }
    }

    pub(in crate::domain::form) fn of_body(body: &'a [Stmt]) -> Self {
        Self::of(body.iter().map(Node::Stmt))
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        let node = self.pending.pop()?;
        #[cfg(test)]
        VISITED.set(VISITED.get() + 1);
        let outer = self.pending.len();
        match node {
            Node::Stmt(stmt) => walk_stmt(self, stmt),
            Node::Expr(expr) => walk_expr(self, expr),
        }
        // The list is taken from its end.
        self.pending[outer..].reverse();
        Some(node)
    }
}

/// Keeps the children of a node instead of going into them.
impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.pending.push(Node::Stmt(stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.pending.push(Node::Expr(expr));
    }
}

/// Whether an expression mentions `name`.
pub(super) fn mentions(expr: &Expr, name: &str) -> bool {
    Walk::of([Node::Expr(expr)].into_iter())
        .any(|node| matches!(node, Node::Expr(Expr::Name(found)) if found.id == name))
}
