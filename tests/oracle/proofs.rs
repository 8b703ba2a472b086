//! Inclusion and consistency proofs: out of tiles, damaged, and of the largest trees.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::{Hash, node_hash, record_hash};
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::proof::{ConsistencyProof, InclusionProof};
use sumcheck::tlog::tile::{Tile, TileHeight, TileLevel};
use sumcheck::tlog::tile_auth::{AuthenticTiles, TilePlan};

use crate::dice::Dice;
use crate::judge::{Question, agree, ask};
use crate::support::tree::Tree;

/// The oracle's own tree: leaf N is the text `record N`.
const TREE_SIZE: u64 = 2000;

/// From 2^62 records on x/mod loops for ever and the oracle does not ask it.
const BITS_THAT_XMOD_CAN: u32 = 62;

fn leaf(index: u64) -> Hash {
    record_hash(format!("record {index}").as_bytes())
}

fn base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(Hash::to_string).collect()
}

/// A tree with what is to be proven in it.
struct Wanted {
    plan: TilePlan,
    size: u64,
    records: Vec<u64>,
    prefixes: Vec<u64>,
}

fn wanted(dice: &mut Dice) -> Wanted {
    let edges = [1, 2, 3, 255, 256, 257, 511, 512, 513, 1023, 1024, TREE_SIZE];
    let size = match dice.below(3) {
        0 => edges[dice.below(edges.len())],
        _ => 1 + dice.below(TREE_SIZE as usize) as u64,
    };
    let height = TileHeight::new(1 + dice.below(11) as u8).unwrap();
    let mut plan = TilePlan::for_tree(height, size);
    let records: Vec<u64> = (0..8).map(|_| dice.below(size as usize) as u64).collect();
    let prefixes: Vec<u64> = (0..8)
        .map(|_| 1 + dice.below(size as usize) as u64)
        .collect();
    for index in &records {
        plan.add_record(*index).unwrap();
    }
    for old_size in &prefixes {
        plan.add_prefix(*old_size).unwrap();
    }
    Wanted {
        plan,
        size,
        records,
        prefixes,
    }
}

fn tile_request(tile: &Tile, size: u64) -> Value {
    let TileLevel::Hashes(level) = tile.level() else {
        unreachable!("plans have hash tiles")
    };
    let (height, index, width) = (tile.height().levels(), tile.index(), tile.width());
    json!({"op": "tile_data", "size": size, "height": height, "level": level, "index": index, "width": width})
}

#[test]
fn proofs_out_of_xmods_tiles_are_xmods_proofs() {
    let mut dice = Dice::new(4);
    let all: Vec<Wanted> = (0..150).map(|_| wanted(&mut dice)).collect();
    let requests: Vec<Value> = all
        .iter()
        .flat_map(|wanted| {
            let root = json!({"op": "tree_hash", "size": wanted.size});
            std::iter::once(root).chain(
                wanted
                    .plan
                    .tiles()
                    .map(|tile| tile_request(&tile, wanted.size)),
            )
        })
        .collect();
    let Some(answers) = ask(&requests) else {
        return;
    };
    let mut answers = answers.into_iter();
    let mut questions = Vec::new();
    for Wanted {
        plan,
        size,
        records,
        prefixes,
    } in all
    {
        let root = answers.next().unwrap()["root"].as_str().unwrap().to_owned();
        let head = TreeHead::new(size, Hash::from_base64(&root).unwrap());
        let (tiles, faults) = AuthenticTiles::authenticate(&plan, head, |tile| {
            let data = STANDARD
                .decode(answers.next().unwrap()["data"].as_str().unwrap())
                .unwrap();
            Some(Arc::new(HashedTile::parse(tile, &data).unwrap()))
        });
        assert_eq!(faults, [], "{size}");
        questions.extend(records.into_iter().map(|index| {
            let proof = tiles.inclusion_proof(index).unwrap();
            proof.verify(leaf(index), index, &head).unwrap();
            Question {
                request: json!({"op": "prove_record", "size": size, "index": index}),
                ours: Some(json!({"proof": base64(proof.hashes()), "root": root, "hash": leaf(index).to_string()})),
                excuse: None,
            }
        }));
        questions.extend(prefixes.into_iter().map(|old_size| {
            let proof = tiles.consistency_proof(old_size).unwrap();
            let old_root = tiles.root_at(old_size).unwrap();
            proof.verify(&TreeHead::new(old_size, old_root), &head).unwrap();
            Question {
                request: json!({"op": "prove_tree", "new_size": size, "old_size": old_size}),
                ours: Some(json!({"proof": base64(proof.hashes()), "new_root": root, "old_root": old_root.to_string()})),
                excuse: None,
            }
        }));
    }
    agree(questions, [2400, 0], &[]);
}

/// An inclusion proof and what it is said to prove.
struct Inclusion {
    proof: Vec<Hash>,
    head: TreeHead,
    index: u64,
    record_hash: Hash,
}

impl Inclusion {
    /// One level more, and the root above it: the hashes lead there, and the tree is not so high.
    fn lengthen(&mut self, dice: &mut Dice) {
        let (sibling, root) = (Hash::from_bytes(dice.bytes()), self.head.root());
        self.proof.push(sibling);
        let root = if dice.one_in(2) {
            node_hash(&sibling, &root)
        } else {
            node_hash(&root, &sibling)
        };
        self.head = TreeHead::new(self.head.size(), root);
    }

    fn holds(&self) -> bool {
        InclusionProof::from_hashes(self.proof.clone())
            .verify(self.record_hash, self.index, &self.head)
            .is_ok()
    }

    fn question(&self) -> Question {
        Question {
            request: json!({
                "op": "check_record", "proof": base64(&self.proof), "size": self.head.size(),
                "root": self.head.root().to_string(), "index": self.index,
                "hash": self.record_hash.to_string(),
            }),
            ours: self.holds().then(|| json!({})),
            excuse: None,
        }
    }

    fn damage(&mut self, dice: &mut Dice) {
        match dice.below(10) {
            8 | 9 => self.lengthen(dice),
            0 => self.index = other_number(self.index, dice),
            1 => self.head = TreeHead::new(other_number(self.head.size(), dice), self.head.root()),
            2 => self.record_hash = other_hash(self.record_hash, dice),
            3 => self.head = TreeHead::new(self.head.size(), other_hash(self.head.root(), dice)),
            _ => damage_proof(&mut self.proof, dice),
        }
    }
}

/// A consistency proof and what it is said to prove.
struct Consistency {
    proof: Vec<Hash>,
    old: TreeHead,
    new: TreeHead,
}

impl Consistency {
    /// One level more, and the roots above it.
    fn lengthen(&mut self, dice: &mut Dice) {
        let sibling = Hash::from_bytes(dice.bytes());
        let (old, new) = (self.old.root(), self.new.root());
        self.proof.push(sibling);
        let (old, new) = if dice.one_in(2) {
            (node_hash(&sibling, &old), node_hash(&sibling, &new))
        } else {
            (old, node_hash(&new, &sibling))
        };
        self.old = TreeHead::new(self.old.size(), old);
        self.new = TreeHead::new(self.new.size(), new);
    }

    fn holds(&self) -> bool {
        ConsistencyProof::from_hashes(self.proof.clone())
            .verify(&self.old, &self.new)
            .is_ok()
    }

    fn question(&self) -> Question {
        Question {
            request: json!({
                "op": "check_tree", "proof": base64(&self.proof),
                "old_size": self.old.size(), "old_root": self.old.root().to_string(),
                "new_size": self.new.size(), "new_root": self.new.root().to_string(),
            }),
            ours: self.holds().then(|| json!({})),
            excuse: None,
        }
    }

    fn damage(&mut self, dice: &mut Dice) {
        let (old, new) = (self.old, self.new);
        match dice.below(11) {
            9 | 10 => self.lengthen(dice),
            0 => self.old = TreeHead::new(other_number(old.size(), dice), old.root()),
            1 => self.new = TreeHead::new(other_number(new.size(), dice), new.root()),
            2 => self.old = TreeHead::new(old.size(), other_hash(old.root(), dice)),
            3 => self.new = TreeHead::new(new.size(), other_hash(new.root(), dice)),
            4 => (self.old, self.new) = (new, old),
            _ => damage_proof(&mut self.proof, dice),
        }
    }
}

fn other_number(number: u64, dice: &mut Dice) -> u64 {
    let other = match dice.below(6) {
        0 => number + 1,
        1 => number.saturating_sub(1),
        2 => number * 2,
        3 => number / 2,
        4 => number ^ (1 << dice.below(BITS_THAT_XMOD_CAN as usize)),
        _ => dice.up_to_bits(BITS_THAT_XMOD_CAN),
    };
    other.min((1 << BITS_THAT_XMOD_CAN) - 1)
}

fn other_hash(hash: Hash, dice: &mut Dice) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[dice.below(32)] ^= 1 << dice.below(8);
    Hash::from_bytes(bytes)
}

fn damage_proof(proof: &mut Vec<Hash>, dice: &mut Dice) {
    let at = dice.below(proof.len() + 1);
    match dice.below(6) {
        0 => proof.insert(at, Hash::from_bytes(dice.bytes())),
        1 if at < proof.len() => drop(proof.remove(at)),
        2 if at < proof.len() => proof[at] = other_hash(proof[at], dice),
        3 if at + 1 < proof.len() => proof.swap(at, at + 1),
        4 => proof.truncate(at),
        _ => proof.extend_from_within(at..),
    }
}

fn tree() -> Tree {
    let mut tree = Tree::default();
    for index in 0..TREE_SIZE {
        tree.push(format!("record {index}").as_bytes());
    }
    tree
}

/// Small trees have all shapes, large ones long proofs.
fn tree_size(dice: &mut Dice) -> u64 {
    let most = if dice.one_in(2) {
        20
    } else {
        TREE_SIZE as usize
    };
    1 + dice.below(most) as u64
}

fn hashes(raw: Vec<[u8; 32]>) -> Vec<Hash> {
    raw.into_iter().map(Hash::from_bytes).collect()
}

fn head(tree: &Tree, size: u64) -> TreeHead {
    TreeHead::new(size, Hash::from_bytes(tree.root_at(size)))
}

#[test]
fn inclusion_proofs_convince_both_or_none() {
    let (mut dice, tree) = (Dice::new(5), tree());
    let question = |_| {
        let size = tree_size(&mut dice);
        let index = dice.below(size as usize) as u64;
        let mut inclusion = Inclusion {
            proof: hashes(tree.inclusion_proof(index, size)),
            head: head(&tree, size),
            index,
            record_hash: leaf(index),
        };
        if !dice.one_in(5) {
            inclusion.damage(&mut dice);
        }
        inclusion.question()
    };
    agree((0..6000).map(question).collect(), [1200, 3000], &[]);
}

#[test]
fn consistency_proofs_convince_both_or_none() {
    let (mut dice, tree) = (Dice::new(6), tree());
    let question = |_| {
        let new = tree_size(&mut dice);
        let old = dice.below(new as usize + 1) as u64;
        let mut consistency = Consistency {
            proof: hashes(tree.consistency_proof(old, new)),
            old: head(&tree, old),
            new: head(&tree, new),
        };
        if !dice.one_in(5) {
            consistency.damage(&mut dice);
        }
        consistency.question()
    };
    agree((0..6000).map(question).collect(), [1200, 3000], &[]);
}

/// RFC 6962 section 2.1: the largest power of two smaller than `size`, which is 2 or more.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The root above a record, with chance for its neighbours: RFC 6962 section 2.1.1 backwards.
fn root_above(index: u64, size: u64, record: Hash, proof: &mut Vec<Hash>, dice: &mut Dice) -> Hash {
    if size == 1 {
        return record;
    }
    let split = split(size);
    let is_left = index < split;
    let inside = if is_left {
        root_above(index, split, record, proof, dice)
    } else {
        root_above(index - split, size - split, record, proof, dice)
    };
    let outside = Hash::from_bytes(dice.bytes());
    proof.push(outside);
    if is_left {
        node_hash(&inside, &outside)
    } else {
        node_hash(&outside, &inside)
    }
}

/// The roots of an old tree and of a new one that continues it, with chance for all subtrees:
/// RFC 6962 section 2.1.2 backwards.
fn roots_of_both(
    old: u64,
    new: u64,
    whole: bool,
    proof: &mut Vec<Hash>,
    dice: &mut Dice,
) -> (Hash, Hash) {
    if old == new {
        let subtree = Hash::from_bytes(dice.bytes());
        if !whole {
            proof.push(subtree);
        }
        return (subtree, subtree);
    }
    let split = split(new);
    if old <= split {
        let (old_root, left) = roots_of_both(old, split, whole, proof, dice);
        let right = Hash::from_bytes(dice.bytes());
        proof.push(right);
        (old_root, node_hash(&left, &right))
    } else {
        let (old_right, right) = roots_of_both(old - split, new - split, false, proof, dice);
        let left = Hash::from_bytes(dice.bytes());
        proof.push(left);
        (node_hash(&left, &old_right), node_hash(&left, &right))
    }
}

fn inclusion_in_tree_of_any_size(bits: u32, dice: &mut Dice) -> Inclusion {
    let size = dice.up_to_bits(bits).max(1);
    let index = dice.number() % size;
    let (record, mut proof) = (Hash::from_bytes(dice.bytes()), Vec::new());
    let root = root_above(index, size, record, &mut proof, dice);
    Inclusion {
        proof,
        head: TreeHead::new(size, root),
        index,
        record_hash: record,
    }
}

fn consistency_of_trees_of_any_size(bits: u32, dice: &mut Dice) -> Consistency {
    let new = dice.up_to_bits(bits).max(1);
    let old = match dice.below(4) {
        0 => 1 << dice.below(new.ilog2() as usize + 1),
        _ => 1 + dice.number() % new,
    };
    let mut proof = Vec::new();
    let (old_root, new_root) = roots_of_both(old, new, true, &mut proof, dice);
    Consistency {
        proof,
        old: TreeHead::new(old, old_root),
        new: TreeHead::new(new, new_root),
    }
}

#[test]
fn proofs_in_trees_of_any_size_convince_both_or_none() {
    let mut dice = Dice::new(7);
    let mut questions = Vec::new();
    for _ in 0..1000 {
        let mut inclusion = inclusion_in_tree_of_any_size(BITS_THAT_XMOD_CAN, &mut dice);
        questions.push(inclusion.question());
        inclusion.damage(&mut dice);
        questions.push(inclusion.question());
        let mut consistency = consistency_of_trees_of_any_size(BITS_THAT_XMOD_CAN, &mut dice);
        questions.push(consistency.question());
        consistency.damage(&mut dice);
        questions.push(consistency.question());
    }
    agree(questions, [2000, 1500], &[]);
}

/// Where x/mod cannot be asked: the definition in the RFC is the judge.
#[test]
fn proofs_in_the_largest_trees_verify_and_no_damaged_root_does() {
    let mut dice = Dice::new(8);
    for _ in 0..500 {
        let mut inclusion = inclusion_in_tree_of_any_size(63, &mut dice);
        assert!(inclusion.holds());
        inclusion.record_hash = other_hash(inclusion.record_hash, &mut dice);
        assert!(!inclusion.holds());
        let mut consistency = consistency_of_trees_of_any_size(63, &mut dice);
        assert!(consistency.holds());
        let old = consistency.old;
        consistency.old = TreeHead::new(old.size(), other_hash(old.root(), &mut dice));
        assert!(!consistency.holds());
    }
}
