package render

import "text/template/parse"

// maxVariables is how many variables a compiled layout may have.
const maxVariables = 4

// layoutCompiler knows the variables in scope.
type layoutCompiler struct {
	names [maxVariables]string
	kinds [maxVariables]kind
	used  int
}

// list compiles nodes whose dot is of a kind; ok is false when one of them is
// not known here.
func (c *layoutCompiler) list(l *parse.ListNode, dot kind) (out []node, ok bool) {
	if l == nil {
		return nil, true
	}
	for _, n := range l.Nodes {
		var compiled node
		switch n := n.(type) {
		case *parse.TextNode:
			compiled, ok = node{kind: nodeLiteral, literal: string(n.Text)}, true
		case *parse.ActionNode:
			compiled, ok = c.print(n.Pipe, dot)
		case *parse.IfNode:
			compiled, ok = c.condition(n, dot)
		case *parse.RangeNode:
			compiled, ok = c.loop(n, dot)
		default:
			ok = false
		}
		if !ok {
			return nil, false
		}
		out = append(out, compiled)
	}
	return out, true
}

// operand compiles the only argument of a command.
func (c *layoutCompiler) operand(cmd *parse.CommandNode, dot kind) (o operand, k kind, ok bool) {
	o.variable = -1
	if len(cmd.Args) != 1 {
		return o, 0, false
	}
	switch a := cmd.Args[0].(type) {
	case *parse.DotNode:
		return o, dot, true
	case *parse.FieldNode:
		o.field = fields[dot][a.Ident[0]]
		return o, o.field.kind(), o.field != noField && len(a.Ident) == 1
	case *parse.VariableNode:
		for i := c.used - 1; i >= 0 && len(a.Ident) == 1; i-- {
			if c.names[i] == a.Ident[0] {
				o.variable = i
				return o, c.kinds[i], true
			}
		}
	}
	return o, 0, false
}

func (c *layoutCompiler) print(p *parse.PipeNode, dot kind) (node, bool) {
	n := node{kind: nodePrint}
	if len(p.Decl) != 0 || len(p.Cmds) < 2 {
		return n, false
	}
	var k kind
	var ok bool
	if n.operand, k, ok = c.operand(p.Cmds[0], dot); !ok || k != kindText {
		return n, false
	}
	for _, cmd := range p.Cmds[1:] {
		name, ok := cmd.Args[0].(*parse.IdentifierNode)
		if !ok || len(cmd.Args) != 1 {
			return n, false
		}
		e, known := escapes[name.Ident]
		if !known {
			return n, false
		}
		n.escapes = append(n.escapes, e)
	}
	return n, true
}

func (c *layoutCompiler) condition(in *parse.IfNode, dot kind) (n node, ok bool) {
	n.kind = nodeIf
	if len(in.Pipe.Decl) != 0 || len(in.Pipe.Cmds) != 1 {
		return n, false
	}
	if n.operand, _, ok = c.operand(in.Pipe.Cmds[0], dot); !ok {
		return n, false
	}
	return n, c.branches(&n, &in.BranchNode, dot, dot)
}

func (c *layoutCompiler) loop(in *parse.RangeNode, dot kind) (n node, ok bool) {
	n.kind, n.index, n.element = nodeRange, -1, -1
	if in.Pipe.IsAssign || len(in.Pipe.Cmds) != 1 {
		return n, false
	}
	var over kind
	if n.operand, over, ok = c.operand(in.Pipe.Cmds[0], dot); !ok || int(over) >= len(element) || element[over] == 0 {
		return n, false
	}
	outside := c.used
	switch d := in.Pipe.Decl; {
	case outside+len(d) > maxVariables:
		return n, false
	case len(d) == 1:
		n.element = c.declare(d[0], element[over])
	case len(d) == 2:
		n.index, n.element = c.declare(d[0], kindNumber), c.declare(d[1], element[over])
	}
	ok = c.branches(&n, &in.BranchNode, element[over], dot)
	c.used = outside
	return n, ok
}

func (c *layoutCompiler) declare(v *parse.VariableNode, k kind) int {
	c.names[c.used], c.kinds[c.used] = v.Ident[0], k
	c.used++
	return c.used - 1
}

func (c *layoutCompiler) branches(n *node, b *parse.BranchNode, dot, outside kind) (ok bool) {
	if n.then, ok = c.list(b.List, dot); !ok {
		return false
	}
	n.others, ok = c.list(b.ElseList, outside)
	return ok
}
